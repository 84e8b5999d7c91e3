package conformance.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What was done to the servers, and when. */
final class Actions {
    /** @param what START, KILL or TERM; KILL-ACTIVE or TERM-ACTIVE if it was the active controller */
    record Action(String what, String node, long pid, long nanos) {
        boolean isOfActive() {
            return what.endsWith("-ACTIVE");
        }
    }

    private static final String FILE = "actions.txt";

    final List<Action> all = new ArrayList<>();

    void add(String what, String node, long pid, long nanos) {
        all.add(new Action(what, node, pid, nanos));
    }

    void write(Path directory) throws IOException {
        Files.write(directory.resolve(FILE),
            all.stream().map(it -> it.what + " " + it.node + " " + it.pid + " " + it.nanos).toList());
    }

    static Actions read(Path directory) throws IOException {
        Actions actions = new Actions();
        Path file = directory.resolve(FILE);
        if (!Files.exists(file)) {
            throw new BadInput(directory + " has no events of a measurement");
        }
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            actions.add(words[0], words[1], Long.parseLong(words[2]), Long.parseLong(words[3]));
        }
        return actions;
    }
}
