"""``python -m hub`` is ``gengfu``."""

import sys

from hub.cli import main

sys.exit(main())
