"""Connection limits: resources and time of one connection. Every such limit stands here, with its reason."""

import attrs

KB = 1024
MB = 1024 * KB


@attrs.frozen(kw_only=True)
class ConnectionLimits:
    """Limits of a connection: sizes in bytes, times in seconds.

    A connection is anonymous until a valid API key was seen on it.
    """

    # Open at once, of all kinds together; fewer where there are fewer file descriptors. An idle one holds 10 to 60 KB.
    connections: int = 4096

    # HTTP/2 window of an anonymous connection: HTTP/2's own default, which every client may expect.
    anonymous_window: int = 64 * KB - 1
    anonymous_frame: int = 64 * KB  # no larger than that window, so that clients may send it unasked
    # From then on: measured best for requests of 1 MB, and the most that one connection can make us hold unread.
    window: int = 16 * MB
    frame: int = 256 * KB  # HTTP/2's default is 16 KB; each frame costs
    anonymous_message: int = 4 * MB  # gRPC's own default; health checks, reflection and key checks need 1 KB
    # Memory of a call without a key: stream, task, and a message of the usual size. Headers and the rest of a larger
    # message are counted as they arrive.
    anonymous_call: int = 32 * KB
    # Memory of all such calls together, in each server: a thousand calls that wait for their message.
    anonymous_bytes: int = 32 * MB
    header_list: int = 64 * KB  # gRPC's own implementations refuse more than 8 to 16 KB
    header_pieces: int = 16  # of one header list, in frames; one of 64 KB needs four
    closed_streams: int = 4096  # remembered for their frames that are still under way; 200 bytes each

    # Frames that ask for nothing by themselves: PING, SETTINGS, PRIORITY, RST_STREAM, WINDOW_UPDATE, unknown ones, and
    # DATA that is tiny and not the last. As many at once, and so many a second; each call that is answered adds some.
    # A gRPC client sends a handful for each call, and a ping each ten seconds at the most without one.
    anonymous_frames: int = 200
    frames: int = 2000
    frames_a_second: int = 20
    frames_a_call: int = 20
    tiny: int = 64
    # Frames of all anonymous connections together, beyond the first few of each: a client that is cut off reconnects.
    anonymous_first_frames: int = 12
    all_anonymous_frames: int = 1000
    all_anonymous_frames_a_second: int = 500
    anonymous_read: int = 16 * KB  # at once: one turn of the event loop is spent on it

    check_interval: float = 1.0  # between two checks of the timeouts of all connections
    first_request: float = 20.0  # gRPC clients give up connecting after as long
    idle: float = 300.0  # exporters send every few seconds, or open another connection
    anonymous_message_seconds: float = 10.0  # for a message that needs no key, to arrive whole
    answer: float = 600.0  # until an answer is made and taken; watches of health begin anew after it
    unread: float = 60.0  # that a client reads nothing of its answers
    closing: float = 1.0  # for the last bytes of a closed connection


DEFAULT = ConnectionLimits()
