"""Every command, registered on the root by being imported."""

from coopflow.cli import ahead as ahead
from coopflow.cli import audit as audit
from coopflow.cli import calendar as calendar
from coopflow.cli import config as config
from coopflow.cli import digest as digest
from coopflow.cli import doctor as doctor
from coopflow.cli import doubt as doubt
from coopflow.cli import family as family
from coopflow.cli import family_consent as family_consent
from coopflow.cli import family_forget as family_forget
from coopflow.cli import family_gently as family_gently
from coopflow.cli import inbox as inbox
from coopflow.cli import intake as intake
from coopflow.cli import keeping as keeping
from coopflow.cli import look as look
from coopflow.cli import messages as messages
from coopflow.cli import run as run
from coopflow.cli import task as task
from coopflow.cli import verbs as verbs
from coopflow.cli import way_out as way_out
from coopflow.cli import workflow as workflow
from coopflow.cli import workflow_files as workflow_files
