"""DICOM files as grey values: each transfer syntax, each step of the grey scale, and hostile files.

Expected grey values follow from PS3.3, C.7.6.3, C.11.1 and C.11.2, worked out here by hand.
"""

import io
import struct
import time
import zlib

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, Sequence, uid
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_voi_lut

from cxr import dicom
from cxr.dicom import worker
from cxr.errors import Unreadable, UserError
from dicoms import LOSSLESS, LOSSY, NATIVE, frame
from dicoms import dicom as make
from xrays import draw

GREY = draw(True, 64, np.random.default_rng(3))[:, :47]  # an odd number of bytes a row
DEEP = GREY.astype(np.uint16) * 16 + 5  # 12 bits
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
TOP = 65_535


def grey(*args, **changes) -> np.ndarray:
    return dicom.read(make(*args, **changes))[0]


def facts(**changes) -> dict:
    return dicom.read(make(GREY, **changes))[1]


def reason(data: bytes) -> str:
    with pytest.raises(Unreadable) as error:
        dicom.read(data)
    assert str(error.value).isprintable()
    return str(error.value)


def scaled(stored: np.ndarray, bits: int) -> np.ndarray:
    """The whole range of `bits` bits spread over 16."""
    return np.rint(stored / (2**bits - 1) * TOP).astype(np.uint16)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_lossless_syntaxes_keep_every_bit(syntax):
    np.testing.assert_array_equal(grey(GREY, syntax), GREY)
    np.testing.assert_array_equal(grey(DEEP, syntax, BitsStored=12), scaled(DEEP, 12))
    whole = (DEEP * 16).astype(np.uint16)
    np.testing.assert_array_equal(grey(whole, syntax), whole)


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda syntax: syntax.name)
def test_lossy_syntaxes_come_close(syntax):
    read = grey(GREY, syntax)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - GREY).max() <= 12
    if syntax != uid.JPEGBaseline8Bit:
        read = grey(DEEP, syntax, BitsStored=12).astype(float)
        assert np.abs(read / TOP * 4095 - DEEP).max() <= 200


@pytest.mark.parametrize(
    "syntax", [*NATIVE, uid.RLELossless, uid.JPEG2000Lossless], ids=lambda syntax: syntax.name
)
def test_signed_values(syntax):
    signed = (DEEP.astype(np.int16) - 2048).astype(np.int16)
    np.testing.assert_array_equal(grey(signed, syntax, BitsStored=12), scaled(DEEP, 12))


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_signed_values_as_their_bits(syntax):
    """JPEG and JPEG-LS know no sign."""
    bits = (DEEP - 2048) & 4095
    read = grey(bits, syntax, BitsStored=12, PixelRepresentation=1)
    np.testing.assert_array_equal(read, scaled(DEEP, 12))


def test_big_endian_bytes_in_words():
    even = GREY[:, :46]
    data = even.tobytes()
    swapped = np.frombuffer(data, ">u2").astype("<u2").tobytes()
    file = make(even, uid.ExplicitVRBigEndian, PixelData=swapped)
    assert file.count(b"\x7f\xe0\x00\x10OB") == 1
    file = file.replace(b"\x7f\xe0\x00\x10OB", b"\x7f\xe0\x00\x10OW")
    np.testing.assert_array_equal(dicom.read(file)[0], even)


def test_bits_beside_the_value_are_no_part_of_it():
    """Old files keep overlays there."""
    stored = DEEP | 0xA000
    np.testing.assert_array_equal(grey(stored, BitsStored=12), scaled(DEEP, 12))
    shifted = (DEEP << 4) | 0x3
    np.testing.assert_array_equal(grey(shifted, BitsStored=12, HighBit=15), scaled(DEEP, 12))


def test_seven_bits_are_grey_of_eight():
    read = grey(GREY >> 1, BitsStored=7)
    np.testing.assert_array_equal(read, np.rint((GREY >> 1) / 127 * 255))


def test_monochrome1_is_inverted():
    read = grey(GREY, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read, 255 - GREY)


def test_padding_is_black_in_either_sense():
    padded = GREY.copy()
    padded[:, :5] = 255
    padded[:5] = 250
    padding = {"PixelPaddingValue": 255, "PixelPaddingRangeLimit": 250}
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        read = grey(padded, PhotometricInterpretation=photometric, **padding)
        assert (read[padded >= 250] == 0).all()
        assert (read[padded < 250] != 0).all()
    read = grey(padded, PixelPaddingValue=255)
    assert (read[padded == 255] == 0).all()
    assert (read[padded == 250] == 250).all()


WINDOW = {"BitsStored": 12, "WindowCenter": 2000, "WindowWidth": 1000}


def test_linear_window():
    read = grey(RAMP, **WINDOW).ravel()
    assert (read[:1501] == 0).all()
    assert (read[2499:] == TOP).all()
    assert read[1999] == round(((1999 - 1999.5) / 999 + 0.5) * TOP)
    assert read[1501] > 0
    assert read[2498] < TOP


def test_exact_linear_window():
    read = grey(RAMP, **WINDOW, VOILUTFunction="LINEAR_EXACT").ravel()
    assert (read[1500], read[2000], read[2500]) == (0, round(TOP / 2), TOP)


def test_sigmoid_window():
    read = grey(RAMP, **WINDOW, VOILUTFunction="SIGMOID").ravel()
    assert read[2000] == round(TOP / 2)
    assert read[2250] == round(TOP / (1 + np.exp(-1)))
    assert (np.diff(read.astype(int)) >= 0).all()


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("width", [1, 2, 300.5, 4000])
def test_windows_agree_with_pydicom(function, width):
    """A second implementation of the same formulas."""
    rescale = {"RescaleSlope": 2, "RescaleIntercept": -100}
    window = {"WindowCenter": 1234.5, "WindowWidth": width, "VOILUTFunction": function}
    data = make(RAMP, BitsStored=12, **rescale, **window)
    with np.errstate(over="ignore"):
        theirs = apply_voi_lut(RAMP * 2.0 - 100, pydicom.dcmread(io.BytesIO(data)))
    low, high = -100, 4095 * 2 - 100
    expected = (theirs - low) / (high - low) * TOP
    np.testing.assert_allclose(dicom.read(data)[0], expected, atol=1)


def test_window_of_several_is_the_first():
    several = {"WindowCenter": [2000, 100], "WindowWidth": [1000, 10]}
    expected = grey(RAMP, **WINDOW)
    np.testing.assert_array_equal(grey(RAMP, BitsStored=12, **several), expected)


@pytest.mark.parametrize(
    "window", [{"WindowWidth": 0}, {"WindowWidth": None}, {"WindowCenter": None}]
)
def test_window_that_says_nothing_is_none(window):
    np.testing.assert_array_equal(grey(RAMP, **WINDOW | window), scaled(RAMP, 12))


def test_rescaling_moves_the_window():
    rescale = {"RescaleSlope": 0.5, "RescaleIntercept": -10}
    window = {"WindowCenter": 990, "WindowWidth": 500, "VOILUTFunction": "LINEAR_EXACT"}
    exact = grey(RAMP, **WINDOW, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_array_equal(grey(RAMP, BitsStored=12, **rescale, **window), exact)


def test_rescaling_with_a_negative_slope_inverts():
    read = grey(RAMP, BitsStored=12, RescaleSlope=-1, RescaleIntercept=4095)
    np.testing.assert_array_equal(read, scaled(4095 - RAMP, 12))


def table(values, first: int, bits: int, entries: int | None = None) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [entries or len(values), first, bits]
    item.LUTData = list(values)
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


def test_voi_lut_goes_before_the_window():
    lut = table([0, 10, 20, 255], 100, 8)
    read = grey(RAMP, **WINDOW, VOILUTSequence=lut).ravel()
    expected = np.array([0, 10, 20, 255]) / 255 * TOP
    np.testing.assert_array_equal(read[100:104], np.rint(expected))
    assert (read[:100] == 0).all()
    assert (read[104:] == TOP).all()


def test_modality_lut_comes_before_the_window():
    lut = table(4095 - np.arange(4096), 0, 12)
    read = grey(RAMP, **WINDOW, ModalityLUTSequence=lut)
    np.testing.assert_array_equal(read.ravel(), grey(RAMP, **WINDOW).ravel()[::-1])


def test_lut_of_65536_entries_in_words():
    item = Dataset()
    item.LUTDescriptor = [0, 0, 16]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = (TOP - np.arange(2**16)).astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    whole = (DEEP * 16).astype(np.uint16)
    read = grey(whole, VOILUTSequence=Sequence([item]))
    np.testing.assert_array_equal(read, TOP - whole)


def test_facts_of_the_header():
    header = {"PatientID": " 17 ", "PatientAge": "058Y", "PatientSex": "F", "ViewPosition": "AP"}
    known = facts(**header, PatientName="Doe^Jane")
    assert known == {"patient": "17", "age": "058Y", "sex": "F", "view": "AP", "flags": []}
    empty = {"patient": "", "age": "", "sex": "", "view": "", "flags": []}
    assert facts(PatientAge="Jane Doe", PatientSex="Doe", ViewPosition="JANE") == empty


def code(value: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "lateral"
    return Sequence([item])


@pytest.mark.parametrize(
    ("header", "view"),
    [
        ({"ViewPosition": "LL"}, "LL"),
        ({"ViewPosition": "lateral "}, "LATERAL"),
        ({"ViewCodeSequence": code("399067008")}, "LATERAL"),
        ({"ViewCodeSequence": code("272479007")}, ""),
        ({"PatientOrientation": ["P", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["L", "F"]}, ""),
        ({"SeriesDescription": "Chest_Lat"}, "LATERAL"),
        ({"ProtocolName": "Thorax lateral"}, "LATERAL"),
        ({"SeriesDescription": "Chest PA and lateral"}, ""),
        ({"SeriesDescription": "Latex"}, ""),
        ({"ViewPosition": "PA", "SeriesDescription": "lateral"}, "PA"),
    ],
)
def test_lateral_views_are_known(header, view):
    assert facts(**header)["view"] == view


def test_flags():
    assert facts(BurnedInAnnotation="YES")["flags"] == ["burned_in"]
    assert facts(BurnedInAnnotation="NO")["flags"] == []
    for capture in (uid.SecondaryCaptureImageStorage, "1.2.840.10008.5.1.4.1.1.7.2"):
        assert facts(SOPClassUID=capture)["flags"] == ["secondary_capture"]
    assert facts(SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.1")["flags"] == []


def cut(data: bytes) -> bytes:
    return data[: len(data) - 100]


EMPTY = encapsulate([bytes(8)])
REFUSED = {
    "frames": (make(GREY, NumberOfFrames=2), "2 frames: one image a file is read"),
    "colour": (make(GREY, PhotometricInterpretation="RGB", SamplesPerPixel=3), "not grey"),
    "palette": (make(GREY, PhotometricInterpretation="PALETTE COLOR"), "not grey"),
    "no pixels": (make(GREY, PixelData=None), "it has no pixels"),
    "float": (make(GREY, PixelData=None, FloatPixelData=bytes(400)), "floating-point"),
    "ct": (make(GREY, Modality="CT"), "its modality is not one of radiographs"),
    "short": (make(GREY, PixelData=bytes(3006)), "has 3,006 bytes and should have 3,008"),
    "long": (make(GREY, PixelData=bytes(3010)), "has 3,010 bytes and should have 3,008"),
    "no rows": (make(GREY, Rows=None), "no proper Rows"),
    "no lines": (make(GREY, Rows=0), "47x0 pixels"),
    "huge": (make(GREY, Rows=65_535, Columns=65_535), "65535x65535 pixels"),
    "32 bits": (make(GREY, BitsAllocated=32), "8 bits in 32"),
    "bits": (make(GREY, BitsStored=12), "12 bits in 8"),
    "cut": (cut(make(GREY)), "has 2,908 bytes and should have 3,008"),
    "cut deflated": (cut(make(GREY, uid.DeflatedExplicitVRLittleEndian)), "truncated, damaged"),
    "cut header": (make(GREY)[:200], "truncated|no pixels|modality"),
    "mark alone": (bytes(128) + b"DICM", "truncated|no pixels"),
    "wrong size": (make(GREY, uid.JPEGBaseline8Bit, Rows=63), "are 47x64, its header says 47x63"),
    "wrong depth": (make(DEEP, uid.JPEGLSLossless, BitsStored=10), "more than the 10 bits"),
    "wrong syntax": (
        make(GREY, uid.JPEG2000, PixelData=encapsulate([bytes(8)])),
        "truncated, damaged",
    ),
    "window": (make(GREY, WindowCenter=1, WindowWidth=2, VOILUTFunction="X"), "VOI LUT function"),
    "slope": (make(GREY, RescaleSlope="1e308"), "out of all bounds"),
    "table": (
        make(GREY, VOILUTSequence=table([1, 2], 0, 16, entries=3)),
        "look-up table is damaged",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_why(name):
    data, expected = REFUSED[name]
    with pytest.raises(Unreadable, match=expected):
        dicom.read(data)


def test_unknown_syntax_is_named_if_it_is_one():
    data = make(GREY).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    assert reason(data).endswith("it is not of the standard")
    data = make(GREY, uid.JPEGLSLossless)
    mpeg = data.replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.99")
    assert "not of the standard" in reason(mpeg)


@pytest.mark.parametrize("syntax", [*LOSSLESS, *LOSSY], ids=lambda syntax: syntax.name)
def test_no_truncated_file_passes(syntax):
    data = make(GREY, syntax)
    for share in np.linspace(0.01, 0.99, 25):
        reason(data[: max(132, int(len(data) * share))])


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_truncated_frame_in_a_whole_file_is_refused(syntax):
    data = frame(GREY, syntax, 8)
    short = encapsulate([data[: len(data) // 2]])
    assert "the end of its JPEG is missing" in reason(make(GREY, syntax, PixelData=short))


def test_reasons_tell_nothing_of_the_header():
    secret = "Doe^Jane"
    for keyword in ("Modality", "PhotometricInterpretation", "VOILUTFunction", "PatientAge"):
        data = make(GREY, **{keyword: secret, "WindowCenter": 1, "WindowWidth": 2})
        try:
            assert secret not in str(dicom.read(data)[1])
        except Unreadable as error:
            assert "Doe" not in str(error)


def bomb() -> bytes:
    """4 GiB of zeros, deflated: 4 MB."""
    data = make(GREY, uid.DeflatedExplicitVRLittleEndian)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**26)) + packer.flush(zlib.Z_FULL_FLUSH)
    start = 132 + 12 + struct.unpack_from("<I", data, 140)[0]
    return data[:start] + block * 2**6


def endless_sequence() -> bytes:
    """Sequences of undefined length within each other, which never end."""
    item = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
    item += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    head = make(GREY)
    start = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    return head[:start] + item * 100_000


def wrong_length() -> bytes:
    """An element that says that it is of 4 GiB."""
    head = make(GREY)
    start = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    return head[:start] + struct.pack("<HH2sHI", 0x0008, 0x2112, b"UN", 0, 0xFFFFFFF0) + head


@pytest.mark.parametrize("hostile", [bomb, endless_sequence, wrong_length])
def test_hostile_files_cost_no_more_than_themselves(hostile):
    data = hostile()
    start = time.monotonic()
    reason(data)
    assert time.monotonic() - start < worker.SECONDS * worker.PATIENCE
    np.testing.assert_array_equal(grey(GREY), GREY)  # the next file is none the worse


@pytest.fixture
def broken(monkeypatch):
    """A function that makes workers do something else than read."""

    def install(code: str) -> None:
        monkeypatch.setattr(worker, "_idle", [])
        monkeypatch.setattr(worker, "SECONDS", 1)
        serve = f"{worker._SERVE.removesuffix('worker.serve()')}worker.SECONDS = 1; "
        serve += "import cxr.dicom.reading as r; import os, time; "
        serve += f"exec({code!r}); r.parse = parse; worker.serve()"
        monkeypatch.setattr(worker, "_SERVE", serve)

    return install


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("while True: pass", "takes more than"),
        ("bytearray(2**32)", "takes more than 1 GiB of memory"),
        ("os.abort()", "its decoder broke down"),
        ("os._exit(0)", "its decoder broke down"),
        ("time.sleep(1000)", "takes more than"),
    ],
)
def test_each_file_is_read_within_limits(broken, does, expected):
    broken(f"def parse(data):\n {does}")
    assert expected in reason(make(GREY))


def test_a_reader_can_write_no_file(broken, tmp_path):
    target = tmp_path / "planted"
    broken(f"def parse(data):\n with open({str(target)!r}, 'wb') as f: f.write(data)")
    reason(make(GREY))
    assert not target.exists() or target.stat().st_size == 0


def test_a_reader_that_does_not_start_is_no_fault_of_the_file(monkeypatch):
    monkeypatch.setattr(worker, "_idle", [])
    monkeypatch.setattr(worker, "_SERVE", "import no_such_package")
    with pytest.raises(UserError, match="Install what requirements"):
        grey(GREY)


def test_a_reader_that_was_killed_meanwhile_is_replaced():
    grey(GREY)
    worker._idle[-1].process.kill()
    worker._idle[-1].process.wait()
    np.testing.assert_array_equal(grey(GREY), GREY)


def test_readers_are_used_again_and_end_with_the_program():
    pids = set()
    for _ in range(3):
        grey(GREY)
        pids.add(worker._idle[-1].process.pid)
    assert len(pids) == 1
    reader = worker._idle.pop()
    reader.connection.close()
    assert reader.process.wait(10) == 0


def test_real_files(real):
    files = sorted((real / "dicom").iterdir())
    read = [dicom.read(file.read_bytes()) for file in files]
    photometric = [pydicom.dcmread(file).PhotometricInterpretation for file in files]
    (first, known), (second, _) = (
        read[photometric.index(name)] for name in ("MONOCHROME2", "MONOCHROME1")
    )
    assert first.shape == (1024, 1024)
    np.testing.assert_array_equal(second, 255 - first)
    assert known.items() >= {"age": "62", "sex": "M", "view": "PA"}.items()
    assert known["flags"] == ["secondary_capture"]
