"""The contracts between the engine and what carries it: one place to import them from, with the values they exchange.

Suites in tests/contracts hold every implementer to them. A port appears together with its first implementer.
"""

from baton.domain.exchange import Commit as Commit
from baton.domain.exchange import Damage as Damage
from baton.domain.exchange import Ending as Ending
from baton.domain.exchange import Inspection as Inspection
from baton.domain.exchange import Invocation as Invocation
from baton.domain.exchange import Job as Job
from baton.domain.exchange import Process as Process
from baton.domain.exchange import SlotState as SlotState
from baton.domain.exchange import Verdict as Verdict
from baton.ports.state import Kind as Kind
from baton.ports.state import Log as Log
from baton.ports.state import Memories as Memories
from baton.ports.state import Parkings as Parkings
from baton.ports.state import Ready as Ready
from baton.ports.state import Runs as Runs
from baton.ports.state import Slot as Slot
from baton.ports.state import Slots as Slots
from baton.ports.state import Store as Store
from baton.ports.state import Streams as Streams
from baton.ports.state import StreamWriter as StreamWriter
from baton.ports.state import Turns as Turns
from baton.ports.state import Waits as Waits
from baton.ports.world import Agents as Agents
from baton.ports.world import Clock as Clock
from baton.ports.world import Config as Config
from baton.ports.world import Harness as Harness
from baton.ports.world import Launcher as Launcher
from baton.ports.world import Listener as Listener
from baton.ports.world import Processes as Processes
from baton.ports.world import TaskWorktrees as TaskWorktrees
