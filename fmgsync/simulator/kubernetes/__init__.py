"""A small Kubernetes API server for tests and demonstrations: `KubernetesSimulator`."""

from fmgsync.simulator.kubernetes.simulator import KubernetesSimulator

__all__ = ["KubernetesSimulator"]
