"""Pictures: everything that can be measured in a sound file, on one page or as numbers.

`measuring.inspect` measures, `drawing.draw` draws, `numbers.as_numbers` tells; they load what they need when used.
"""
