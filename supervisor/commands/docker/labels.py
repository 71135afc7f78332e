"""The labels that Compose gives to the containers that it makes.

https://github.com/docker/compose/blob/v2.40.3/pkg/api/labels.go
"""

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
CONFIG_HASH_LABEL = "com.docker.compose.config-hash"
