from __future__ import annotations

import gc

import numpy as np
import pytest
import tifffile

from data_modules.wsi import backends
from data_modules.wsi.backends import open_backend


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # tiatoolbox and what it imports have many
def test_what_openslide_refuses_tiatoolbox_may_open(tmp_path, monkeypatch) -> None:
    """OME-TIFF with its pyramid below the first page, which OpenSlide takes for one level."""
    pixels = np.random.default_rng(0).integers(0, 255, (512, 768, 3), dtype=np.uint8)
    path = tmp_path / "a.ome.tif"
    about = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm",
             "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm"}  # fmt: skip
    with tifffile.TiffWriter(path, ome=True) as writer:
        options = {"photometric": "rgb", "tile": (256, 256), "compression": "zlib"}
        writer.write(pixels, subifds=1, metadata=about, **options)
        writer.write(pixels[::2, ::2], subfiletype=1, **options)

    class Refuses:
        def __init__(self, path) -> None:
            raise ValueError("no")

    monkeypatch.setattr(backends, "WithOpenSlide", Refuses)
    backend = open_backend(path)
    assert backend.sizes_px[0] == (768, 512)
    assert backend.mpp == (0.5, 0.5)
    assert np.array_equal(backend.read(0, (100, 50), (60, 40)), pixels[50:90, 100:160])
    backend.close()
    (tmp_path / "none.tif").write_bytes(b"II*\0")
    with pytest.raises(ValueError, match=r"Refuses.*no.*; Tiatoolbox: |: no; Tiatoolbox: "):
        open_backend(tmp_path / "none.tif")
    monkeypatch.setattr(backends, "MOST_PIXELS_IN_MEMORY", 100)
    from PIL import Image

    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="convert it to a pyramidal TIFF"):
        open_backend(tmp_path / "a.png")
    gc.collect()  # files that tiatoolbox left open are this test's


def test_transparent_is_white() -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, 1, 3], pixels[0, 2, 3] = 255, 128
    assert backends._on_white(pixels)[0, :, 0].tolist() == [255, 0, 127]
    assert backends._on_white(pixels[:, 1:2])[0, 0].tolist() == [0, 0, 0]
