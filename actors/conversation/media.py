"""Images, sounds and files in the forms of providers and libraries, told by the members that they have."""

from collections.abc import Iterator, Mapping
from typing import Any

from actors.conversation.form import Kind, Media
from actors.conversation.json_values import some_text

_HOLDERS = (  # members that may be an object with the rest
    *("source", "image_url", "image", "input_audio", "audio", "audio_url", "file", "document", "video"),
    *("inline_data", "inlineData", "file_data", "fileData", "blob", "data", "s3Location", "document_url"),
)
_URLS = ("url", "uri", "file_uri", "fileUri", "file_url", "image_url", "audio_url", "document_url", "video_url")
_DATA = ("data", "content", "bytes", "base64", "file_data", "image", "audio", "file")
_IDS = ("file_id", "fileId", "id")
_TYPES = ("media_type", "mediaType", "mime_type", "mimeType", "content_type")
_BEGINNINGS: Mapping[str, str] = {  # of images in base64
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}
_KINDS: tuple[tuple[str, Kind], ...] = (("image", "image"), ("audio", "audio"))
_FORMATS: Mapping[str, str] = {
    **{name: f"image/{name}" for name in ("png", "jpeg", "gif", "webp")},
    **{name: f"audio/{name}" for name in ("wav", "mp3", "flac", "opus")},
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
}


def media_of(name: str, part: Mapping[str, Any]) -> Media | None:
    """The medium in a part of this name; none if nothing of it was recorded."""
    holders = list(_holders(part))
    url, data = _found(holders, _URLS), _found(holders, _DATA)
    if data is not None and data.startswith(("http://", "https://", "data:")):
        url, data = url or data, None
    media_type = _found(holders, _TYPES) or _FORMATS.get(_found(holders, ("format",)) or "")
    if url is not None and url.startswith("data:") and "," in url:
        given, _, data = url[len("data:") :].partition(",")
        url, media_type = None, given.partition(";")[0] or media_type
    if media_type is None and data is not None:
        media_type = next((known for begins, known in _BEGINNINGS.items() if data.startswith(begins)), None)
    identity = _found(holders[1:] or holders, _IDS) if url is None and data is None else None
    if url is None and data is None and identity is None:
        return None
    return Media(_kind(name, part.get("modality"), media_type), media_type, url, data, identity)


def _holders(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield part
    for member in _HOLDERS:
        inner = part.get(member)
        if isinstance(inner, Mapping):
            yield inner
            yield from (inner[name] for name in ("source", "image", "audio") if isinstance(inner.get(name), Mapping))


def _found(holders: list[Mapping[str, Any]], names: tuple[str, ...]) -> str | None:
    return next((found for holder in holders for name in names if (found := some_text(holder.get(name)))), None)


def _kind(name: str, modality: object, media_type: str | None) -> Kind:
    """By what the part says of itself, and its media type before its name: images come as files, too."""
    for said in (modality, media_type, name):
        if isinstance(said, str):
            for word, kind in _KINDS:
                if word in said:
                    return kind
    return "file"
