"""A queue looked at and worked on from outside the MTA that owns it. This is the specification of how they talk.

``queue_directory/.mailconf/control`` is a UNIX socket, there while a MTA works on the queue. Its folder has mode 0700;
and only root and the owner of the process are listened to (SO_PEERCRED). Where nobody answers there, a tool takes the
queue's lock and works on the files itself (`mailconf.mta.control.client`).

A request is a line of JSON, an object; so is each line of an answer. Text that is no UTF-8 has its bytes as surrogates.
A line of a request has at most 64 KB. Several requests may follow each other; a connection on which nothing comes for a
minute is closed.

request                                       answer
    {"do": "list"}                            a line for each message, as `Listing` has it; {"end": their number}
    {"do": OPERATION, "id": ID}               {"end": 1}, {"end": 0} where there was nothing to be done
    {"do": OPERATION, "queues": [NAME, ...]}  {"end": number of messages that something was done with}
    {"do": "show", "id": ID}                  a line as `Shown` has it, that many bytes of content, {"end": 1};
                                              {"end": 0} where there is no such message
    {"do": "flush"}                           {"end": messages that are attempted now and were not due}
    {"do": "attempt", "id": ID}               {"end": 1}; {"end": 0} where it is on hold or not there
    {"do": "site", "name": DOMAIN}            {"end": messages with a recipient there that are attempted now}
    {"do": "run"}                             {"end": 0}; a queue run begins, which takes in what commands have left
    anything else                             {"error": TEXT}; the connection is closed

OPERATION is the value of an `Operation`, NAME that of a `QueueName`.
"""

from mailconf.mta.control.operation import Listed as Listed
from mailconf.mta.control.operation import Listing as Listing
from mailconf.mta.control.operation import Operation as Operation
from mailconf.mta.control.operation import QueueName as QueueName
from mailconf.mta.control.operation import Shown as Shown
