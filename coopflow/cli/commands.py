"""Every command, registered on the root by being imported."""

from coopflow.cli import family as family
from coopflow.cli import intake as intake
from coopflow.cli import look as look
from coopflow.cli import run as run
