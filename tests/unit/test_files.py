from cxr import files


def test_progress_says_a_few_lines(monkeypatch):
    lines = []
    monkeypatch.setattr(files, "say", lines.append)
    progress = files.Progress("downloading a.zip")
    progress.total = 166_486_464
    for _ in range(159):
        progress.update(1 << 20)
    progress.reset()
    progress.update(progress.total)
    progress.close()
    assert 9 <= len(lines) <= 11
    assert lines[0] == "downloading a.zip: 10 % of 166.5 MB"
    assert lines[-1].startswith("downloading a.zip: 100 %")
