"""The queue: what was answered 250, until nothing is left to do for it. This is the specification of its files.

`Queue` is the interface, `mailconf.mta.queue.local_queue.LocalQueue` the queue of one machine, of which
this is the specification; `mailconf.mta.queue.shared_queue` is that of several. It is a log: messages and what becomes
of them are appended to segments, and a segment is removed when nothing in it is needed any more.

Files
    All below ``queue_directory``. The folders have mode 0700, the files 0600. A folder or file that another user than
    root and the owner of the process owns or can write to, a link or a pipe is not used: the MTA does not start. The
    names begin with a dot: what empties or lists a queue by a pattern, ``rm queue/*``, leaves them alone.

    .mailconf.lock                       locked (flock) by the one MTA that works on the queue
    .mailconf/000000000001.segment       segments; the numbers have no gaps from the first to the last
    .mailconf/000000000001.damaged       a segment that was damaged and is not needed any more
    .mailconf/incoming/NAME.message      a message that a command has left, in the form of a segment with number 0
    .mailconf/incoming/NAME.unfinished   one that is being written; removed an hour after it was forgotten
    .mailconf/control                    the socket of tools (`mailconf.mta.control`)
    mailconf.sqlite                      the queue of versions before; its mail is taken over at the start (old_form.py)

Segment
    A head, then records without a gap, then zeros, which are written 1 MB ahead of the records: a sync of what lies in
    them has no new length to write. Numbers have their lowest byte first.

    head     16 bytes   "mailconf queue 1", the format and its version
              8         number of the segment
              8         serial: no message had this one, or a higher one, when the segment was begun
              8         mark: random bytes
              4         CRC-32 of these 40 bytes
    record    8 bytes   the segment's mark
              1         type: 1 ADD, 2 RESULT, 3 DONE, 4 END
              3         zeros
              4         length of the text
              8         length of the content
              8         serial of the message
              8         synced: the bytes of the segment before this one were on the disk when the record was written
              4         CRC-32 of the text
              4         CRC-32 of the content
              4         CRC-32 of these 48 bytes
              ...       the text, JSON in ASCII; then the content, of an ADD alone

    Nobody outside knows the mark, so that no content of a message can be taken for a record.

Records
    ADD     a message, or one that is written again at the end, with what became of it, so that its old segment can be
            removed. id: its queue id; from: the sender; at: its arrival, next: when the next attempt is due, in seconds
            since the epoch; to: a list of recipients; size: bytes as SMTP counts them; bytes: of the body; local:
            whether its header addresses are completed as a local client's. Where there is something to say: body, ret,
            envid (of MAIL), filter (of access(5)), session (what is known of the client), came (the name under which
            it lay elsewhere: what is found there again is here already, unless this message is DONE), report (to whom
            a report of the mail system's own is), hold, warned, expire, state, unseen ([uid, full name] of who has
            left it by a command: it is looked at before it is sent).
            A recipient: address, and as needed original, orcpt, notify, kind ("command", "file", "error"), owner,
            identity ([uid, gid]), error, controller (`mailconf.model.recipient`).
    RESULT  what became of a message: of next, hold, warned, expire, state those that are new. state has by the place
            of a recipient among the others, in decimal: state (0 pending, 1 deferred, 2 failed, 3 done), number of
            attempts, DSN status, text, relay, code of the reply, its lines.
    DONE    nothing is left to do for a message
    END     the segment ends here

Durability
    A message is acknowledged after the fdatasync(2) that covers its ADD, which those that are ready together share
    (`mailconf.mta.queue.group`). RESULT and DONE are written and not waited for: what a crash undoes of them repeats an
    attempt. A notice to a sender is a message, so it is durable before the DONE of the message that it is about.

    When a write or a sync fails, the messages of that group are refused, the segment is not written to any more, and
    the next one begins with DONE for each of them, and with what was not known to be on the disk.

    At the start segments are read in their order, each to its first record that is not whole. There is what was being
    written in a crash, and was acknowledged to nobody. Only where a later record's "synced" proves that it was on the
    disk, or where the segment is not the last one and has no head, the file is damaged: the log says what is lost, and
    the records after it are kept. What a MTA writes goes into a new segment.

    Segments are removed from the oldest on, so that what is known of a message is never removed before the message
    itself. When there are more than the contents are worth, the messages of the oldest are written again at the end.
"""

from mailconf.mta.queue.entry import Entrance as Entrance
from mailconf.mta.queue.entry import Queue as Queue
from mailconf.mta.queue.entry import Queued as Queued
from mailconf.mta.queue.entry import QueueEntry as QueueEntry
from mailconf.mta.queue.entry import QueueError as QueueError
from mailconf.mta.queue.entry import RecipientState as RecipientState
