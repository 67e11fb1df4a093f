"""What is known of an image from its source and, where that says nothing, from its own header."""

from pathlib import Path
from typing import Any

from cxr.dicom.header import LATERAL
from cxr.pseudonyms import load_key, pseudonym
from cxr.sources.common import years_of

KNOWN = ["patient", "age", "sex", "view"]


def complete(
    given: dict[str, str], header: dict[str, Any] | None, inverted: bool, key_file: Path
) -> dict[str, str]:
    """Return patient, age, sex, view and flags of an image, as the manifest has them.

    Args:
        given: KNOWN, as the source has them, "" where it does not.
        header: see `cxr.dicom.header.facts`; None for an image that is no DICOM file.
        inverted: see `cxr.appearance.looks_inverted`.
        key_file: see `cxr.pseudonyms.load_key`. Patients of DICOM files get pseudonyms, whoever
            names them; of other images they stay as the source has them.

    Raises:
        UserError: the key cannot be read or drawn.
    """
    known, flags = given, []
    if header is not None:
        header = header | {"age": years_of(header["age"])}
        known = {name: given[name] or header[name] for name in KNOWN}
        if known["patient"]:
            known["patient"] = pseudonym(known["patient"], load_key(key_file))
        flags = header["flags"]
    if known["view"] in LATERAL:
        flags = ["lateral", *flags]
    elif inverted:  # what it looks at is where a frontal X-ray has it
        flags = [*flags, "inverted"]
    return known | {"flags": " ".join(flags)}
