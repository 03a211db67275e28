#!/bin/sh
# What the image starts, and what Prefect's charts call by this path: the command as it is given.
exec "$@"
