"""Damaged DICOM files: each is refused in words or read, soon, and nothing is written."""

import time
from random import Random

import numpy as np
import pytest
from budget import fuzz
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence

from cxr import dicom
from cxr.dicom import worker
from cxr.errors import Unreadable
from dicoms import LOSSLESS, LOSSY
from dicoms import dicom as make
from xrays import draw

pytestmark = pytest.mark.slow

GREY = draw(True, 32, np.random.default_rng(3))[:, :24]
DEEP = GREY.astype(np.uint16) * 16
SECRET = "Doe^Jane"
COPIES = 10  # of a file, each damaged in another way


def lut() -> Sequence:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4, 100, 12], [0, 1000, 2000, 4095]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


FACTS = {"PatientName": SECRET, "PatientID": "17", "PatientAge": "058Y", "ViewPosition": "PA"}
SHOWN = {"WindowCenter": 100, "WindowWidth": 90, "PixelPaddingValue": 3, "RescaleSlope": 2}
WHOLE = {f"{syntax.name}, 8 bits": make(GREY, syntax, **FACTS) for syntax in [*LOSSLESS, *LOSSY]}
WHOLE |= {f"{syntax.name}, 12 bits": make(DEEP, syntax, BitsStored=12) for syntax in LOSSLESS}
WHOLE |= {
    "window": make(DEEP, BitsStored=12, RescaleIntercept=-100, **SHOWN),
    "LUT": make(DEEP, BitsStored=12, VOILUTSequence=lut(), ModalityLUTSequence=lut()),
}


@pytest.fixture(autouse=True, scope="module")
def _impatient_readers(tmp_path_factory):
    """Readers that give up after a second (JPEG-LS may loop for ever), in a folder of their own."""
    folder = tmp_path_factory.mktemp("readers")
    with pytest.MonkeyPatch.context() as patch:
        impatient = worker._SERVE.replace("worker.serve()", "worker.SECONDS = 1; worker.serve()")
        patch.setattr(worker, "_SERVE", impatient)
        patch.setattr(worker, "_idle", [])
        patch.chdir(folder)
        yield
        worker._end_all()
    assert list(folder.iterdir()) == []


def read(data: bytes) -> np.ndarray | None:
    """The grey values; None if the file is refused."""
    start = time.monotonic()
    try:
        pixels, facts = dicom.read(data)
    except Unreadable as error:
        assert str(error).isprintable()
        assert "Doe" not in str(error)
        return None
    finally:
        assert time.monotonic() - start < worker.SECONDS * worker.PATIENCE
    assert pixels.ndim == 2
    assert pixels.dtype in (np.uint8, np.uint16)
    assert SECRET not in str({**facts, "patient": ""})
    assert set(facts) == {"patient", "age", "sex", "view", "flags"}
    return pixels


def damaged(whole: bytes, random: Random) -> bytes:
    """A copy with bytes changed, more often behind the preamble, where the headers are."""
    data = bytearray(whole)
    for _ in range(random.randint(1, 4)):
        place = random.choice([random.randrange(len(whole)), random.randint(132, 700)])
        piece = random.choice(
            [b"\0", b"\xff" * 4, b"\xff\xd9", random.randbytes(random.randrange(5))]
        )
        how = random.choice(["set", "insert", "delete", "cut"])
        if how == "cut":
            del data[max(place, 132) :]
            break
        end = place + (0 if how == "insert" else len(piece))
        data[place:end] = b"" if how == "delete" else piece
    data[128:132] = b"DICM"
    return bytes(data)


@pytest.mark.parametrize("kind", WHOLE)
@fuzz(100, at_once=COPIES)
@given(seed=st.integers(0, 2**64))
def test_damaged_bytes(kind, seed):
    random = Random(seed)
    for _ in range(COPIES):
        read(damaged(WHOLE[kind], random))


@fuzz(100)
@given(st.binary(max_size=400))
def test_any_bytes_after_the_mark(data):
    assert read(bytes(128) + b"DICM" + data) is None
