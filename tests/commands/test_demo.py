from posec3d.cli import main


def test_too_few_videos_are_refused_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(["demo", "--videos", "23"]) == 2

    assert "--videos 23: give 24 or more" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
