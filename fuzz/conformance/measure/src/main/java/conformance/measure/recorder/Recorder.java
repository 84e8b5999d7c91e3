package conformance.measure.recorder;

import org.apache.kafka.clients.ClientRequest;
import org.apache.kafka.clients.ClientResponse;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.network.NetworkSend;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.network.Request;
import org.apache.kafka.network.Response;
import org.apache.kafka.raft.RaftMessage;
import org.apache.kafka.raft.RaftRequest;
import org.apache.kafka.server.NodeToControllerQueueItem;
import org.apache.kafka.server.util.RequestAndCompletionHandler;

/**
 * What the woven methods call. A span is the time between the entry and the exit of a method; a moment has no length. Nothing is
 * recorded unless the property measure.events names a directory.
 */
public final class Recorder {
    private static final Store STORE = Store.open();
    private static final ThreadLocal<Track> TRACK = ThreadLocal.withInitial(Track::new);

    private Recorder() {
    }

    /** The first call of a server's main method: the recorder's own first calls are made here, and are no one's work. */
    public static void main(int kind) {
        if (STORE == null) {
            return;
        }
        long begin = System.nanoTime();
        Track track = TRACK.get();
        for (int i = 0; i < 30_000; i++) {
            begin(0);
            begin(0);
            end(0);
            end(0);
            STORE.warmUp(track);
        }
        track.clear();
        STORE.write(kind, track, begin, System.nanoTime(), 0, 0, 0, 0, null);
    }

    // ---- Spans

    public static void root(int kind) {
        if (STORE != null) {
            TRACK.get().depth = 0;
            begin(kind);
        }
    }

    public static void begin(int kind) {
        if (STORE != null) {
            push(TRACK.get(), kind, 0, 0, null);
        }
    }

    public static void begin(String name, int kind) {
        if (STORE != null) {
            push(TRACK.get(), kind, 0, STORE.name(name), null);
        }
    }

    /** An event of a queue, with its name. */
    public static void begin(Object event, String name, int kind) {
        if (STORE != null) {
            push(TRACK.get(), kind, System.identityHashCode(event), STORE.name(name), null);
        }
    }

    /** An event of a queue, by its class. */
    public static void beginEvent(Object event, int kind) {
        if (STORE != null) {
            String name = event.getClass().getName();
            push(TRACK.get(), kind, System.identityHashCode(event), STORE.name(name.substring(name.lastIndexOf('$') + 1)), null);
        }
    }

    public static void begin(RaftMessage message, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.scratch.set(message.data().apiKey(), 0, 0, !(message instanceof RaftRequest));
            push(track, kind, System.identityHashCode(message), 0, track.scratch);
        }
    }

    public static void begin(Request request, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.message.set(header(request), false);
            track.scratch.set(request.header(), false);
            push(track, kind, System.identityHashCode(request), 0, track.scratch);
        }
    }

    public static void begin(ClientResponse response, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.message.set(response.requestHeader(), true);
            push(track, kind, 0, response.wasDisconnected() ? STORE.name("disconnected") : 0, track.message);
        }
    }

    public static void begin(RequestHeader header, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.message.set(header, true);
            push(track, kind, 0, 0, track.message);
        }
    }

    /** A blocking exchange. */
    public static void begin(AbstractRequest.Builder<?> builder, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.scratch.set(builder.apiKey().id, 0, 0, false);
            moment(track, Kind.HANDOVER_REQUEST, System.identityHashCode(builder), 0, track.scratch);
            push(track, kind, System.identityHashCode(builder), 0, track.scratch);
        }
    }

    public static void end(int kind) {
        if (STORE == null) {
            return;
        }
        Track track = TRACK.get();
        // Spans that ended by an exception are not told.
        int at = track.depth - 1;
        while (at >= 0 && track.kinds[at] != kind) {
            at--;
        }
        if (at < 0) {
            return;
        }
        long end = System.nanoTime();
        track.depth = at;
        long begin = track.begins[at];
        long own = end - begin - track.nested[at];
        if (at > 0) {
            track.nested[at - 1] += end - begin;
        }
        if (kind == 0) {
            return;
        }
        int parent = at > 0 ? track.kinds[at - 1] : 0;
        STORE.write(kind, track, begin, end, own, track.identities[at], track.auxiliaries[at], parent, track.messages[at]);
    }

    /** Its identity tells that this was called within it: of the innermost open span, if it is of that kind. */
    public static void mark(int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            int at = track.depth - 1;
            if (at >= 0 && track.kinds[at] == kind) {
                track.identities[at] = 1;
            }
        }
    }

    private static void push(Track track, int kind, int identity, int auxiliary, Message message) {
        int at = track.depth;
        if (at == Track.DEPTH) {
            return;
        }
        track.kinds[at] = kind;
        track.identities[at] = identity;
        track.auxiliaries[at] = auxiliary;
        track.messages[at].set(message);
        track.nested[at] = 0;
        track.depth = at + 1;
        track.begins[at] = System.nanoTime();
    }

    // ---- Moments

    private static void moment(Track track, int kind, int identity, int auxiliary, Message message) {
        long now = System.nanoTime();
        int parent = track.depth > 0 ? track.kinds[track.depth - 1] : 0;
        STORE.write(kind, track, now, now, 0, identity, auxiliary, parent, message);
    }

    public static void moment(int kind) {
        if (STORE != null) {
            moment(TRACK.get(), kind, 0, 0, null);
        }
    }

    public static void handover(RequestAndCompletionHandler request, int kind) {
        handover(request.request, kind);
    }

    public static void handover(NodeToControllerQueueItem item, int kind) {
        handover(item.request(), kind);
    }

    private static void handover(AbstractRequest.Builder<?> builder, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.scratch.set(builder.apiKey().id, 0, 0, false);
            moment(track, kind, System.identityHashCode(builder), 0, track.scratch);
        }
    }

    public static void handover(Response response, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.scratch.set(header(response.request()), true);
            moment(track, kind, System.identityHashCode(response.request()), 0, track.scratch);
        }
    }

    public static void received(Request request, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            track.scratch.set(request.header(), false);
            moment(track, kind, System.identityHashCode(request), 0, track.scratch);
        }
    }

    public static void queued(RaftMessage message, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            moment(track, kind, System.identityHashCode(message), 0, track.message);
        }
    }

    public static void queued(Object event, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            moment(track, kind, System.identityHashCode(event), 0, track.depth > 0 ? track.message : null);
        }
    }

    public static void connecting(Node node, int kind) {
        connection(node.idString(), kind);
    }

    public static void connection(String node, int kind) {
        if (STORE != null) {
            moment(TRACK.get(), kind, node.hashCode(), 0, null);
        }
    }

    // ---- Sending: the message that is begun next in this thread is the one that the selector gets.

    public static void sending(ClientRequest request, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            String client = request.makeHeader(request.requestBuilder().latestAllowedVersion()).clientId();
            track.sending = new Sending(request.apiKey().id, request.correlationId(), hash(client), false,
                System.identityHashCode(request.requestBuilder()));
        }
    }

    public static void sending(Response response, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            RequestHeader header = header(response.request());
            track.sending = new Sending(header.apiKey().id, header.correlationId(), hash(header.clientId()), true,
                System.identityHashCode(response.request()));
        }
    }

    public static void toSelector(NetworkSend send, int kind) {
        if (STORE != null) {
            Track track = TRACK.get();
            if (track.sending != null) {
                track.inFlight.put(send, track.sending);
                track.sending = null;
            }
        }
    }

    /** At the exit of KafkaChannel.maybeCompleteSend: null unless the message is written. */
    public static NetworkSend written(NetworkSend send, int kind) {
        if (STORE != null && send != null) {
            Track track = TRACK.get();
            Sending sending = track.inFlight.remove(send);
            if (sending != null) {
                STORE.write(kind, track, sending.begin, System.nanoTime(), 0, sending.identity, send.destinationId().hashCode(),
                    0, sending);
            }
        }
        return send;
    }

    /** What goes over the wire: the envelope of a forwarded request. */
    private static RequestHeader header(Request request) {
        return request.envelope().map(Request::header).orElse(request.header());
    }

    static int hash(String text) {
        return text == null ? 0 : text.hashCode();
    }
}
