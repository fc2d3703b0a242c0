import torch

from posec3d.models.frame_sharing import shared_frames


def test_each_different_frame_is_kept_once_in_the_order_of_their_first_times():
    keypoints = torch.arange(4.0).view(1, 1, 4, 1, 1).expand(2, 3, 4, 5, 2)[:, :, [0, 1, 0, 3]].clone()
    scores = torch.ones(2, 3, 4, 5)
    scores[1, 2, 3] = 0.5  # A frame differs by its scores alone.

    frames, frame_scores, places = shared_frames(keypoints, scores)

    assert places.tolist() == [[0, 1, 0, 2], [0, 1, 0, 3]]
    torch.testing.assert_close(frames[0, :, places].transpose(0, 1), keypoints)
    torch.testing.assert_close(frame_scores[0, :, places].transpose(0, 1), scores)
