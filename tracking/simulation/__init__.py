"""Movies of particles with known tracks."""

from tracking.simulation.brownian import BrownianMotion
from tracking.simulation.confined import ConfinedMotion
from tracking.simulation.directed import DirectedMotion
from tracking.simulation.motion import Motion
from tracking.simulation.options import SimulationOptions
from tracking.simulation.positions import SimulatedPositions, simulate_positions
from tracking.simulation.renderer import Renderer, render
from tracking.simulation.scenarios import SCENARIOS, Scenario, scenario_options
from tracking.simulation.simulation import Simulation, simulate
from tracking.simulation.snr import peak_over_background
from tracking.simulation.switching import SwitchingMotion
from tracking.simulation.tracks import simulate_tracks

__all__ = [
    "SCENARIOS",
    "BrownianMotion",
    "ConfinedMotion",
    "DirectedMotion",
    "Motion",
    "Renderer",
    "Scenario",
    "SimulatedPositions",
    "Simulation",
    "SimulationOptions",
    "SwitchingMotion",
    "peak_over_background",
    "render",
    "scenario_options",
    "simulate",
    "simulate_positions",
    "simulate_tracks",
]
