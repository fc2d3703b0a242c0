from posec3d.runtime.overlapping import each_after_the_next


def test_an_item_is_given_when_the_next_is_made():
    happened = []

    def made():
        for item in "abc":
            happened.append(f"{item} made")
            yield item

    for item in each_after_the_next(made()):
        happened.append(f"{item} given")

    assert happened == ["a made", "b made", "a given", "c made", "b given", "c given"]


def test_of_nothing_there_is_nothing():
    assert list(each_after_the_next([])) == []
