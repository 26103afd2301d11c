"""fmgsync keeps FortiManager's firewall address groups equal to what runs in Kubernetes."""

__version__ = "0.1.0"
__all__ = ["__version__"]
