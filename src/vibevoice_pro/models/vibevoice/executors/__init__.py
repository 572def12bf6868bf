"""What runs the parts with weights: PyTorch, ONNX Runtime, our own kernels, CUDA."""
