"""Fixtures of a Kubernetes API server."""

from tests.kubernetes_api import access, server, session, simulator

__all__ = ["access", "server", "session", "simulator"]
