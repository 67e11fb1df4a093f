"""DICOM files as grey values, and what their headers say that a manifest may know.

`worker` reads each file in a process of its own, under limits of time and memory; that process
does what `reading` says: `frames` has the stored values, `grey` makes grey values of them, and
`header` picks the facts. Nothing else of a header leaves this package.
"""

from cxr.dicom.worker import read

__all__ = ["is_dicom", "read"]


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins like this (132 bytes are enough) says that it is DICOM."""
    return head[128:132] == b"DICM"
