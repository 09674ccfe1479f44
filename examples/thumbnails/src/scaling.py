"""A picture in three sizes. A plain function, which runs in a process of its own."""

from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageOps, UnidentifiedImageError

from runtime.modules.sync import queue

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
SIZES = (64, 256, 1024)
Image.MAX_IMAGE_PIXELS = 40_000_000  # what has twice as many is refused, unread


class Picture(Struct):
    folder: str


def scale(picture: Picture, message: queue.Message) -> dict[str, list[int]]:
    """Make the thumbnails of a picture; returns width and height of each."""
    folder, made = Path(picture.folder), {}
    image = read(folder / "original")
    for count, size in enumerate(SIZES):
        message.progress(count / len(SIZES), f"{size} pixels")
        thumbnail = ImageOps.contain(image, (size, size))
        thumbnail.save(folder / "part", "WEBP")
        (folder / "part").rename(folder / f"{size}.webp")  # nobody sees half a picture
        made[f"{size}"] = [*thumbnail.size]
    return made


def read(file: Path) -> Image.Image:
    """The picture, turned as its camera was held. What cannot be read now never can."""
    try:
        with Image.open(file, formats=FORMATS) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except FileNotFoundError:
        raise queue.Reject("the picture was deleted") from None
    except Image.DecompressionBombError:
        raise queue.Reject("the picture is too large") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise queue.Reject("this is no picture that can be read") from error
