from tests.faults.conftest import folder as folder
