import torch

from posec3d.heatmaps import render_keypoints
from posec3d.training.mixing import mix_clips


def clips(seed=0):
    generator = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(4, 1, 3, 5, 2, generator=generator) * 16
    return keypoints, torch.ones(4, 1, 3, 5), torch.tensor([0, 1, 2, 1])


def test_without_mixup_everything_is_as_it_was():
    keypoints, scores, labels = clips()
    (people, shown), targets = mix_clips(keypoints, scores, labels, 3, 0.0)
    assert people is keypoints
    assert shown is scores
    assert targets is labels


def test_labels_are_shares_that_sum_to_1_and_follow_the_scores():
    torch.manual_seed(1)
    keypoints, scores, labels = clips()
    (people, shown), targets = mix_clips(keypoints, scores, labels, 3, 1.0)
    assert people.shape == (4, 2, 3, 5, 2)
    torch.testing.assert_close(targets.sum(1), torch.ones(4))
    share = shown[0, 0, 0, 0]
    torch.testing.assert_close(shown[:, 1], torch.full_like(shown[:, 1], 1 - float(share)))
    for clip, label in enumerate(labels.tolist()):
        assert targets[clip, label] >= share - 1e-6


def test_where_people_do_not_meet_it_is_the_mix_of_the_volumes():
    torch.manual_seed(3)
    keypoints, scores, labels = clips()
    keypoints = keypoints / 4
    keypoints[1::2] += 24
    (people, shown), _ = mix_clips(keypoints, scores, labels, 3, 1.0)
    share = float(shown[0, 0, 0, 0])
    volumes = render_keypoints(keypoints, scores, (40, 40))
    mixed = render_keypoints(people, shown, (40, 40))
    for clip in range(4):
        others = [other for other in range(4) if torch.equal(people[clip, 1], keypoints[other, 0])]
        if others and others[0] % 2 != clip % 2:
            torch.testing.assert_close(mixed[clip], share * volumes[clip] + (1 - share) * volumes[others[0]])
            break
    else:
        raise AssertionError("no clip was mixed with one that lies elsewhere")
