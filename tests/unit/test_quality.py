import pandas as pd

from cxr.quality import problems


def test_problems_of_a_table_without_any():
    images = pd.DataFrame(
        {"path": ["a", "b"], "label": ["1", "0"], "reason": ["", ""], "pixels": [b"a", b"b"]}
    )
    assert problems(images, pd.Series([False, False]), 0) == []
