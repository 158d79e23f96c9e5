"""Every failure a user can cause or must be told of, as one family of exceptions.

The library raises these; only ``baton.cli`` prints them and chooses an exit code. The first line of a class's
docstring is its default message. Classes are grouped by what the caller should do next.
"""

from __future__ import annotations

from typing import Any, ClassVar


class BatonError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "io_error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", *, cure: str = "", **details: Any) -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])
        self.cure = cure
        self.details = details

    @property
    def message(self) -> str:
        """The one sentence, without its cure."""
        return str(self.args[0])


# -- mend what you typed ------------------------------------------------------------------------------------------


class InvalidInput(BatonError):
    """The input is not valid."""

    code = "invalid_input"


class InvalidWord(InvalidInput):
    """A word on the command line is not valid."""

    exit_code = 2


class AlreadyExists(BatonError):
    """A thing of this name exists already."""

    code = "already_exists"


class NotFound(BatonError):
    """There is no such thing."""

    code = "task_not_found"


class TaskNotFound(NotFound):
    """There is no such task."""


class CampaignNotFound(NotFound):
    """There is no such campaign."""

    code = "campaign_not_found"


class ProjectNotFound(NotFound):
    """There is no such project."""

    code = "project_not_found"


class ProductNotFound(NotFound):
    """There is no such product."""

    code = "product_not_found"


class FocusGroupNotFound(NotFound):
    """There is no such focus group."""

    code = "focus_group_not_found"


class PipelineNotFound(NotFound):
    """There is no such pipeline."""

    code = "pipeline_not_found"


class RunNotFound(NotFound):
    """There is no such streaming run."""

    code = "run_not_found"


class AgentNotFound(NotFound):
    """There is no such agent."""

    code = "agent_not_found"


class SkillNotFound(NotFound):
    """There is no such skill folder."""

    code = "skill_not_found"


class KeyNotFound(NotFound):
    """There is no such key."""

    code = "key_not_found"


class ServiceNotFound(NotFound):
    """There is no active service for this capability."""

    code = "service_not_found"


class ServicesMissing(BatonError):
    """An agent requires a capability that no active service offers."""

    code = "services_missing"


# -- somebody else has it, or the state does not allow it ---------------------------------------------------------


class IllegalTransition(BatonError):
    """The record's state does not allow this command."""

    code = "illegal_transition"


class EvidenceMissing(BatonError):
    """What the step must leave is missing."""

    code = "evidence_missing"


class LeaseHeld(BatonError):
    """Somebody else holds the lease."""

    code = "lease_held"


class LeaseMismatch(BatonError):
    """The lease presented is not the current one."""

    code = "lease_mismatch"


# -- try again later ----------------------------------------------------------------------------------------------


class Busy(BatonError):
    """Something needed is in use; try again."""

    code = "busy"
    exit_code = 75


class NotReady(BatonError):
    """The task is not ready to run."""

    code = "not_ready"
    exit_code = 75


class Stopped(BatonError):
    """The home is stopped: the file state/stop exists."""

    code = "stopped"
    exit_code = 75


class RateLimited(BatonError):
    """Every service of the chain has met its rate limit."""

    code = "rate_limited"
    exit_code = 75


# -- look at the machine or the files -----------------------------------------------------------------------------


class StateDamaged(BatonError):
    """A file of the state could not be read."""

    code = "state_damaged"


class StateNewer(BatonError):
    """A file of the state was written by a newer Baton."""

    code = "state_newer"


class StorageError(BatonError):
    """A file could not be read or written."""

    code = "io_error"


class DiskFull(StorageError):
    """The disk is full."""

    code = "disk_full"


class PermissionRefused(StorageError):
    """The permission to read or write a file is missing."""

    code = "permission_denied"


class MissingCredentials(BatonError):
    """Credentials are missing."""

    code = "missing_credentials"


class HarnessMissing(BatonError):
    """The agent program is not installed."""

    code = "harness_missing"


class ExtraMissing(BatonError):
    """An extra that this needs is not installed."""

    code = "extra_missing"


class ServiceFailed(BatonError):
    """No service of the chain has answered."""

    code = "service_failed"


class NotificationFailed(BatonError):
    """The notification could not be sent."""

    code = "notification_failed"
