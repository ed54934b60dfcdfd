"""What one connection may cost, and how long it may take. Every bound on connections stands here, with its reason."""

import attrs

KB = 1024
MB = 1024 * KB


@attrs.frozen(kw_only=True)
class ConnectionLimits:
    """Sizes are in bytes, times in seconds. A stranger is a connection on which no valid API key was seen yet."""

    # Open at once, of all kinds together; fewer where there are fewer file descriptors. An idle one holds 10 to 60 KB.
    connections: int = 4096

    # HTTP/2: what is held of a stranger. HTTP/2's own default, below which no client need expect a window to be.
    anonymous_window: int = 64 * KB - 1
    anonymous_frame: int = 64 * KB  # no larger than that window, so that clients may send it unasked
    # From then on: measured best for requests of 1 MB, and what one connection can make us hold unread.
    window: int = 16 * MB
    frame: int = 256 * KB  # HTTP/2's default is 16 KB; each frame costs
    anonymous_message: int = 4 * MB  # gRPC's own default; health checks, reflection and key checks need 1 KB
    # What a call without a key holds: stream, task, and a message of the usual size. Headers and the rest of a larger
    # message are counted as they come.
    anonymous_call: int = 32 * KB
    # All of these together, in each server. It is a thousand calls that wait for their message.
    anonymous_bytes: int = 32 * MB
    header_list: int = 64 * KB  # gRPC's own implementations refuse more than 8 to 16 KB
    header_pieces: int = 16  # of one header list, in frames; one of 64 KB needs four
    closed_streams: int = 4096  # that are remembered, for frames of theirs that are still under way; 200 bytes each

    # Frames that ask for nothing by themselves: PING, SETTINGS, PRIORITY, RST_STREAM, WINDOW_UPDATE, unknown ones, and
    # DATA that is tiny and not the last. As many at once, and so many a second; each call that is answered adds some.
    # A gRPC client sends a handful for each call, and a ping each ten seconds at the most without one.
    anonymous_frames: int = 200
    frames: int = 2000
    frames_a_second: int = 20
    frames_a_call: int = 20
    tiny: int = 64
    # Whoever is cut off comes again, so strangers have so many together beyond the first few of each connection.
    anonymous_first_frames: int = 12
    all_anonymous_frames: int = 1000
    all_anonymous_frames_a_second: int = 500
    anonymous_read: int = 16 * KB  # at once: one turn of the event loop is spent on it

    check_interval: float = 1.0  # between two looks at all connections
    first_request: float = 20.0  # gRPC clients give up connecting after as long
    idle: float = 300.0  # exporters send every few seconds, or open another connection
    anonymous_message_seconds: float = 10.0  # for a message that needs no key, to arrive whole
    answer: float = 600.0  # until an answer is made and taken; watches of health begin anew after it
    unread: float = 60.0  # that a client takes nothing of what it was answered
    closing: float = 1.0  # that a closed connection has for its last bytes


DEFAULT = ConnectionLimits()
