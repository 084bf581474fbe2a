from typing import Annotated

from pydantic import Field

from tracking.simulation.brownian import BrownianMotion
from tracking.simulation.confined import ConfinedMotion
from tracking.simulation.directed import DirectedMotion
from tracking.simulation.switching import SwitchingMotion

# Any of the models; `kind` tells which one a mapping stands for.
Motion = Annotated[BrownianMotion | DirectedMotion | SwitchingMotion | ConfinedMotion, Field(discriminator="kind")]
