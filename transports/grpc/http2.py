"""HTTP/2 with limits where h2 has none: frames that carry no request, header fragments, oversized frames."""

from time import monotonic

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event
from h2.exceptions import DenialOfServiceError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, Frame, HeadersFrame, RstStreamFrame, SettingsFrame

from transports.connection_limits import ConnectionLimits

_LENGTH = 3  # bytes of a frame's length field
_OWN_TABLE = 4096  # bytes; a client may offer us gigabytes for the headers that we have sent
_FRAMES_A_RESET = 4  # cost of an anonymous RST_STREAM: the call was begun in vain
_SETTINGS_A_FRAME = 8  # more of them count as several frames


class FrameBucket:
    """Token bucket of frames."""

    def __init__(self, most: float, a_second: float) -> None:
        self.most = most
        self.left = most
        self._a_second = a_second
        self._counted_at = monotonic()

    def take(self, frames: int) -> bool:
        """Take frames out; false when there are not enough."""
        self.left -= frames
        if self.left < 0:
            now = monotonic()
            self.left = min(self.left + (now - self._counted_at) * self._a_second, self.most)
            self._counted_at = now
        return self.left >= 0


class Http2(H2Connection):
    """Server side of an HTTP/2 connection.

    A client beyond the limits gets ``ENHANCE_YOUR_CALM``: a ``ProtocolError`` while receiving.
    """

    def __init__(self, config: H2Configuration, limits: ConnectionLimits, all_anonymous_frames: FrameBucket) -> None:
        """``all_anonymous_frames`` is the bucket that all anonymous connections share."""
        # Class attributes of h2, which it reads as it begins.
        self.DEFAULT_MAX_HEADER_LIST_SIZE = limits.header_list
        self.MAX_CLOSED_STREAMS = limits.closed_streams
        super().__init__(config)
        self.trusted = False
        self.incoming_buffer = _FrameBuffer(limits)
        self._limits = limits
        self._frames = FrameBucket(limits.anonymous_frames, limits.frames_a_second)
        self._all_anonymous_frames = all_anonymous_frames
        self._anonymous_debt = -limits.anonymous_first_frames
        self.initiate_connection()
        self._take_frames_of(limits.anonymous_frame)

    def trust(self) -> None:
        """Take large messages in large frames from now on: the client has a key."""
        self.trusted = True
        self._frames = FrameBucket(self._limits.frames, self._limits.frames_a_second)
        self.increment_flow_control_window(self._limits.window - self._limits.anonymous_window)
        self.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: self._limits.window})
        self._take_frames_of(self._limits.frame)

    def call_answered(self) -> None:
        """Allow some frames for a finished call."""
        if self._frames.left < self._frames.most:
            self._frames.left += self._limits.frames_a_call
        self._anonymous_debt -= self._limits.frames_a_call

    def _take_frames_of(self, size: int) -> None:
        """Let clients send large messages in fewer frames, as those on gRPC's C core then do: each frame costs."""
        self.update_settings({SettingCodes.MAX_FRAME_SIZE: size})
        # h2 looks at it before it reads what comes in, which may be the client's consent and its first large frame.
        self.max_inbound_frame_size = size

    def _receive_frame(self, frame: Frame) -> list[Event]:
        if isinstance(frame, DataFrame):
            if len(frame.data) < self._limits.tiny and "END_STREAM" not in frame.flags:
                self._count(1)
        elif isinstance(frame, RstStreamFrame) and not self.trusted:
            self._count(_FRAMES_A_RESET)
        elif not isinstance(frame, HeadersFrame):
            self._count(1)
        return super()._receive_frame(frame)

    def _receive_settings_frame(self, frame: SettingsFrame) -> tuple[list[Frame], list[Event]]:
        self._count(len(frame.settings) // _SETTINGS_A_FRAME)
        answer = super()._receive_settings_frame(frame)
        if self.encoder.header_table_size > _OWN_TABLE:  # noqa: PLR1730 - setting what it is loses that it changed
            self.encoder.header_table_size = _OWN_TABLE
        return answer

    def _count(self, frames: int) -> None:
        good = self._frames.take(frames)
        if not self.trusted:
            self._anonymous_debt += frames
            good = good and (self._anonymous_debt <= 0 or self._all_anonymous_frames.take(frames))
        if not good:
            raise DenialOfServiceError("Too many frames that ask for nothing")


class _FrameBuffer(FrameBuffer):
    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__(server=True)
        self._limits = limits

    def __next__(self) -> Frame:
        # h2 would first wait for the whole frame, whatever its length.
        if len(self._data) >= _LENGTH:
            self._validate_frame_length(int.from_bytes(self._data[:_LENGTH], "big"))
        return super().__next__()

    def _update_header_buffer(self, f: Frame | None) -> Frame | None:
        whole = super()._update_header_buffer(f)
        pieces = self._headers_buffer
        if pieces and (
            len(pieces) > self._limits.header_pieces
            or sum(len(piece.data) for piece in pieces) > self._limits.header_list
        ):
            raise DenialOfServiceError("The headers are too many")
        return whole
