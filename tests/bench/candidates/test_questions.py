"""The cache of candidates is named by a digest of all that decides them."""

from importlib.resources import files

from soma.bench.candidates import questions


def test_the_digest_changes_with_a_view_and_with_the_data(tmp_path, monkeypatch):
    file = tmp_path / "locomo10.json"
    file.write_text("[]")
    first = questions.digest([file])
    assert questions.digest([file]) == first
    file.write_text("[1]")
    other = questions.digest([file])
    monkeypatch.setattr(questions, "VIEWING", questions.VIEWING[1:])
    assert len({first, other, questions.digest([file])}) == 3


def test_the_digest_does_not_change_with_the_weights_that_are_fitted_to_the_candidates():
    decides = {source.name for source in questions._sources(files("soma.memory") / "views")}
    assert "speech.py" in decides
    assert "shapes.py" not in decides
