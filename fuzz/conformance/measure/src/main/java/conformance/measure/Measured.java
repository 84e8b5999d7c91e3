package conformance.measure;

import conformance.measure.Jvm.Event;
import conformance.measure.recorder.Kind;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** All samples of a run. */
final class Measured {
    /** What forces directories. */
    private static final String DIRECTORY = "Utils.flushDir";

    final List<Jvm> jvms;
    final Actions actions;
    final long[] link;
    final Samples works = new Samples();
    final Samples sends = new Samples();
    final Samples receives = new Samples();
    final Samples connections = new Samples();
    /** fsync by the method that calls it. */
    final Map<String, List<Long>> fsyncs = new TreeMap<>();
    final Map<String, List<Long>> starts = new TreeMap<>();
    final Map<String, List<Long>> stops = new TreeMap<>();
    final Pauses pauses = new Pauses();
    final Messages messages;
    private final List<String> stopsWithoutBegin = new ArrayList<>();

    Measured(List<Jvm> jvms, Actions actions, long[] link) {
        this.jvms = jvms;
        this.actions = actions;
        this.link = link;
        messages = new Messages(sends, receives, connections, link[link.length / 2]);
        actions.all.stream().filter(it -> it.what().equals("START")).forEach(start -> jvms.stream()
            .filter(it -> it.pid == start.pid()).forEach(it -> {
                it.node = start.node();
                it.started = start.nanos();
            }));
        Works collector = new Works(works);
        for (Jvm jvm : jvms) {
            collector.collect(jvm);
            fsyncs(jvm);
            start(jvm);
        }
        messages.match(jvms);
        actions.all.stream().filter(it -> it.what().startsWith("TERM")).forEach(this::stop);
    }

    static Measured read(Path events, long[] link) throws IOException {
        Actions actions = Actions.read(events);
        List<Jvm> jvms = new ArrayList<>();
        List<Path> safepoints;
        try (Stream<Path> files = Files.list(events)) {
            List<Path> all = files.sorted().toList();
            for (Path file : all) {
                if (file.toString().endsWith(".events")) {
                    jvms.add(Jvm.read(file));
                }
            }
            safepoints = all.stream().filter(it -> it.toString().endsWith(".safepoint")).toList();
        }
        Measured measured = new Measured(jvms, actions, link);
        for (Path file : safepoints) {
            measured.pauses.read(file);
        }
        return measured;
    }

    private void fsyncs(Jvm jvm) {
        jvm.events.stream().filter(it -> it.kind() == Kind.FSYNC)
            .forEach(it -> fsyncs.computeIfAbsent(jvm.name(it), name -> new ArrayList<>()).add(it.own()));
    }

    /** The recorder's own beginning is no part of the start. */
    private void start(Jvm jvm) {
        long recorder = jvm.events.stream().filter(it -> it.kind() == Kind.MAIN).mapToLong(it -> it.end() - it.begin()).sum();
        jvm.events.stream().filter(it -> it.kind() == Kind.RAFT_POLL).mapToLong(Event::begin).min().ifPresent(
            poll -> starts.computeIfAbsent(jvm.role(), it -> new ArrayList<>()).add(poll - jvm.started - recorder));
    }

    private void stop(Actions.Action action) {
        jvms.stream().filter(it -> it.pid == action.pid()).forEach(jvm -> {
            int kind = jvm.isBroker() ? Kind.STOP_BROKER : Kind.STOP_RAFT;
            jvm.events.stream().filter(it -> it.kind() == kind && it.end() >= action.nanos()).mapToLong(Event::end).min()
                .ifPresentOrElse(at -> stops.computeIfAbsent(jvm.role(), it -> new ArrayList<>()).add(at - action.nanos()),
                    () -> stopsWithoutBegin.add(jvm.node));
        });
    }

    static long[] sorted(List<Long> values) {
        long[] sorted = values.stream().mapToLong(it -> it).toArray();
        Arrays.sort(sorted);
        return sorted;
    }

    /** Of directories, or of files that the simulator forces, too. */
    long[] fsyncs(boolean ofDirectories) {
        return sorted(fsyncs.entrySet().stream()
            .filter(it -> ofDirectories ? it.getKey().equals(DIRECTORY) : Modelled.hasFile(it.getKey()))
            .flatMap(it -> it.getValue().stream()).toList());
    }

    long lost() {
        return jvms.stream().filter(it -> it.hasLost).count();
    }
}
