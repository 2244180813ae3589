"""The audio API that every client of OpenAI's speaks, over the door for programs and nothing else."""
