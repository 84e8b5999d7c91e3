package conformance.measure.recorder;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The file of events of one JVM, mapped, so that a kill loses nothing. The first part are names (a line each), then come slots of
 * fixed size:
 * kind 2, api key 2, thread 4, begin 8, end 8, own time 8, identity 4, correlation 4, client 4, auxiliary 4, parent kind 2,
 * response 2, (12 unused).
 */
public final class Store {
    public static final int NAMES = 1 << 18;
    public static final int SLOT = 64;
    private static final int SLOTS = Integer.getInteger("measure.slots", 1 << 21);

    private final MappedByteBuffer names;
    private final ByteBuffer slots;
    private final AtomicLong next = new AtomicLong(1);
    private final AtomicInteger threads = new AtomicInteger();
    private final ConcurrentHashMap<String, Integer> known = new ConcurrentHashMap<>();

    private Store(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
            names = channel.map(FileChannel.MapMode.READ_WRITE, 0, NAMES);
            slots = channel.map(FileChannel.MapMode.READ_WRITE, NAMES, (long) SLOTS * SLOT);
        }
    }

    static Store open() {
        String directory = System.getProperty("measure.events");
        if (directory == null) {
            return null;
        }
        try {
            long pid = ProcessHandle.current().pid();
            Store store = new Store(Path.of(directory, pid + ".events"));
            store.line("P " + pid + " " + startTicks() + " " + System.getProperty("sun.java.command", ""));
            return store;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** When this process was started, in ticks since the machine's start: field 22 of its stat. */
    private static long startTicks() throws IOException {
        String stat = Files.readString(Path.of("/proc/self/stat"));
        return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19]);
    }

    /** Fills the first slot, which stays empty. */
    void warmUp(Track track) {
        fill(0, 0, track, 0, 0, 0, 0, 0, 0, track.scratch);
        name("warm-up");
    }

    int name(String name) {
        int end = name.indexOf('[');
        String stem = end < 0 ? name : name.substring(0, end);
        Integer number = known.get(stem);
        return number != null ? number : newName(stem);
    }

    private synchronized int newName(String name) {
        return known.computeIfAbsent(name, it -> {
            int number = known.size() + 1;
            line("N " + number + " " + it);
            return number;
        });
    }

    private synchronized void line(String line) {
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
        if (names.remaining() >= bytes.length) {
            names.put(bytes);
        }
    }

    private int thread(Track track) {
        if (track.number == 0) {
            track.number = threads.incrementAndGet();
            line("T " + track.number + " " + Thread.currentThread().getName());
        }
        return track.number;
    }

    void write(int kind, Track track, long begin, long end, long own, int identity, int auxiliary, int parent,
               Message message) {
        long slot = next.getAndIncrement();
        if (slot >= SLOTS) {
            if (slot == SLOTS) {
                line("L events were lost");
            }
            return;
        }
        fill((int) slot * SLOT, kind, track, begin, end, own, identity, auxiliary, parent, message);
    }

    private void fill(int at, int kind, Track track, long begin, long end, long own, int identity, int auxiliary, int parent,
                      Message message) {
        slots.putInt(at + 4, thread(track));
        slots.putLong(at + 8, begin);
        slots.putLong(at + 16, end);
        slots.putLong(at + 24, own);
        slots.putInt(at + 32, identity);
        if (message != null) {
            slots.putShort(at + 2, message.api);
            slots.putInt(at + 36, message.correlation);
            slots.putInt(at + 40, message.client);
            slots.putShort(at + 50, (short) (message.isResponse ? 1 : 0));
        } else {
            slots.putShort(at + 2, (short) -1);
        }
        slots.putInt(at + 44, auxiliary);
        slots.putShort(at + 48, (short) parent);
        // The kind comes last: a slot without one is not complete.
        slots.putShort(at, (short) kind);
    }
}
