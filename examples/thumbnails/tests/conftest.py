import io

import pytest
from PIL import Image

from runtime.testing import running


@pytest.fixture
def app(tmp_path):
    with running(".", environment={"PICTURES": str(tmp_path)}) as app:
        yield app


@pytest.fixture
def upload(app):
    """Send a file; returns the answer."""

    def upload(content):
        return app.post("/pictures", files={"picture": ("holiday.jpg", content)})

    return upload


@pytest.fixture
def picture():
    """A picture of a camera that was held upright: it says so, and is stored lying."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.linear_gradient("L").resize((800, 600)).save(file, "JPEG", exif=exif)
    return file.getvalue()
