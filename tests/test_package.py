from importlib.resources import files


def test_type_checkers_of_users_see_its_types():
    assert (files("posec3d") / "py.typed").is_file()
