"""``python -m grokbench``"""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # Python has put the working directory first: a numpy.py beside a suite is not numpy
        sys.path.append(sys.path.pop(0))
    from grokbench.cli import main

    main()
