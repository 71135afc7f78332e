"""Every request, what it takes and what it answers."""

from typing import Any

from supervisor.api import log, runs, webhook
from supervisor.api.answers.plan import PlanSchema
from supervisor.api.answers.runs import EntrySchema, RunsSchema, RunWithOutputSchema
from supervisor.api.answers.service import NotWellSchema, WellSchema
from supervisor.api.answers.webhook import (
    AcceptedForAllSchema,
    AcceptedSchema,
    DeliveriesSchema,
    IgnoredSchema,
)
from supervisor.api.openapi.parts import (
    ANY_BODY,
    BY_SIGNATURE,
    DELIVERED,
    FLAG,
    INVALID,
    NO_CONTENT,
    READS,
    RUN_PLACE,
    UUID,
    WITH_BODY,
    content,
    in_query,
    list_of,
    located,
    number,
    operation,
    reference,
    takes,
)
from supervisor.api.openapi.stack import EXAMPLE
from supervisor.stacks.fields.shown import FiguresSchema, StackOverviewSchema

_change = operation(
    "changeStack",
    "stacks",
    "Change the fields that are given",
    {
        200: located(
            content("The stack", reference("Stack")), "A redeploy, if queued", always=False
        ),
        422: INVALID,
    },
    (*WITH_BODY, 404, 409),
    requestBody=takes("StackChange"),
)
_EVENTS = {
    "description": "With `follow=true`, server-sent events: `output` is a line of a run that goes"
    " on, `message` a finished run, `close` the end. `Last-Event-ID` goes on after an `id`.",
    "content": {
        "application/json": {"schema": list_of(EntrySchema)},
        "text/event-stream": {
            "schema": reference("Event"),
            "example": 'event: output\nid: 41\ndata: {"message": "==> up: docker compose up"}\n\n',
        },
    },
}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[0-9]{0,18}$"},
    "description": "The last `id` that a follower saw; 0 begins with the oldest line.",
}

OPERATIONS: dict[str, dict[str, Any]] = {
    "/stacks": {
        "get": operation(
            "listStacks",
            "stacks",
            "List all stacks",
            {200: content("All stacks, oldest first", list_of(StackOverviewSchema))},
            READS,
        ),
        "post": operation(
            "createStack",
            "stacks",
            "Create a stack and queue its first deploy",
            {
                201: located(content("The stack", reference("Stack")), "The stack"),
                422: INVALID,
            },
            (*WITH_BODY, 409),
            requestBody=takes("NewStack", EXAMPLE),
        ),
    },
    "/stacks/{uuid}": {
        "get": operation(
            "showStack",
            "stacks",
            "Show a stack",
            {200: content("The stack, secrets as asterisks", reference("Stack"))},
            (*READS, 404),
        ),
        "patch": _change,
        "put": _change | {"operationId": "putStack"},
        "delete": operation(
            "deleteStack",
            "stacks",
            "Queue the teardown of a stack",
            {204: located(NO_CONTENT, RUN_PLACE)},
            (400, 401, 403, 404, 409, 500, 503, 507),
            parameters=[in_query("volumes", FLAG, "Whether volumes and files go too.")],
        ),
    },
    "/stacks/{uuid}/stats": {
        "get": operation(
            "showFigures",
            "stacks",
            "Show a stack's figures",
            {200: content("The figures", FiguresSchema)},
            (*READS, 404),
        ),
    },
    "/stacks/{uuid}/control": {
        "post": operation(
            "controlStack",
            "stacks",
            "Tell a stack what to do",
            {204: located(NO_CONTENT, f"{RUN_PLACE}, where there is one", always=False)},
            (*WITH_BODY, 404, 409),
            requestBody=takes("Command"),
        ),
    },
    "/stacks/{uuid}/plan": {
        "post": operation(
            "planStack",
            "stacks",
            "Tell what a deploy would do, and change nothing",
            {200: content("The plan", PlanSchema)},
            (*WITH_BODY, 404, 409, 422),
            requestBody=takes("PlanWish", required=False),
        ),
    },
    "/stacks/{uuid}/log": {
        "get": operation(
            "showLog",
            "runs",
            "List the newest finished runs, or follow what happens",
            {200: _EVENTS},
            (*READS, 400, 404, 429),
            parameters=[
                number(log.ENTRIES, "How many; with `follow`, 0 begins with what comes next."),
                in_query("follow", FLAG, "Whether to stay, and be sent what happens."),
                _LAST_EVENT_ID,
            ],
        ),
    },
    "/stacks/{uuid}/runs": {
        "get": operation(
            "listRuns",
            "runs",
            "List a stack's runs, newest first",
            {200: content("A page of runs", RunsSchema)},
            (*READS, 400, 404),
            parameters=[
                number(runs.COUNT, "How many."),
                in_query("before", UUID, "Only runs that were queued before this one."),
            ],
        ),
    },
    "/stacks/{uuid}/runs/{run_uuid}": {
        "get": operation(
            "showRun",
            "runs",
            "Show a run with what it printed",
            {200: content("The run", RunWithOutputSchema)},
            (*READS, 404),
        ),
    },
    "/stacks/{uuid}/deliveries": {
        "get": operation(
            "listDeliveries",
            "webhooks",
            "List what became of the newest deliveries",
            {200: content("The deliveries, newest first", DeliveriesSchema)},
            (*READS, 400, 404),
            parameters=[number(webhook.COUNT, "How many.")],
        ),
    },
    "/stacks/{uuid}/webhook": {
        "post": operation(
            "deliver",
            "webhooks",
            "Take a delivery for one stack",
            {
                200: content("There is nothing to do", IgnoredSchema),
                202: located(content("A run is queued", AcceptedSchema), RUN_PLACE),
            },
            (*DELIVERED, 404, 409),
            security=BY_SIGNATURE,
            requestBody=ANY_BODY,
        ),
    },
    "/webhook": {
        "post": operation(
            "deliverForAll",
            "webhooks",
            "Take a delivery for every stack on the repository",
            {
                200: content("There is nothing to do", AcceptedForAllSchema),
                202: content("Runs are queued", AcceptedForAllSchema),
            },
            DELIVERED,
            security=BY_SIGNATURE,
            requestBody=ANY_BODY,
        ),
    },
    "/up": {
        "get": operation(
            "showHealth",
            "service",
            "Tell whether Supervisor can do its work",
            {
                200: content("All is well", WellSchema),
                503: content("Something is wrong", NotWellSchema),
            },
            (500,),
            security=[],
        ),
    },
    "/openapi.json": {
        "get": operation(
            "showDescription",
            "service",
            "Show this description",
            {200: content("OpenAPI 3.1", {"type": "object"})},
            (301, 403, 500),
            security=[],
        ),
    },
}
