"""What programs use of opengen (OpEn's Python package), with labwire behind it: nothing is generated, nothing is compiled.

    import labwire.opengen_compat as og    # was: import opengen as og

`og.builder.Problem` with CasADi, `og.builder.OpEnOptimizerBuilder` (its `build` writes a problem file, and a module that is
imported as the generated one), `og.config`, `og.constraints`, `og.functions`, `og.tcp.OptimizerTcpManager`. `install()` lets
programs that must not be touched do `import opengen`.
"""

import sys

from . import builder, config, constraints, functions, tcp

__all__ = ["builder", "config", "constraints", "functions", "install", "tcp"]


def install():
    """Make `import opengen` mean this package, in this process."""
    sys.modules["opengen"] = sys.modules[__name__]
    for module in (builder, config, constraints, functions, tcp):
        sys.modules["opengen." + module.__name__.rpartition(".")[2]] = module
