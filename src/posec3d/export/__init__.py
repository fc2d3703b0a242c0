"""From keypoints to probabilities in one file, for ONNX Runtime, OpenVINO and torch alone, and running such files."""
