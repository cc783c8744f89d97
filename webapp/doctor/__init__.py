"""`calldesk doctor`: tries all this installation needs, and says of each that it is well or what to do.

Nothing is changed, sent or kept. All is tried at once, and each within its time.
"""

from webapp.doctor.findings import Finding, Probe, look_into
from webapp.doctor.probes import PROBES

__all__ = ["PROBES", "Finding", "Probe", "look_into"]
