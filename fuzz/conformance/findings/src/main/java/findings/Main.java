package findings;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs reproductions by name. */
public final class Main {
    private static final String USAGE = """
        usage: run [--kafka VERSION] [NAME...|--list]
        Reproduces findings on released classes of Kafka: all of them, or those named. Exit code 0: each was shown;
        1: one was not; 2: bad input.
        FINDINGS_LOG=info prints Kafka's own log, too. RetryAssignedOnly runs in the clients' harness, on Kafka 4.4 only,
        and reads CONFORMANCE_LOG instead.""";
    private static final String ROW = "%-34s %s%n";

    private Main() {
    }

    public static void main(String[] arguments) {
        // Threads of Kafka classes would keep the process alive.
        System.exit(run(arguments));
    }

    private static int run(String[] arguments) {
        Map<String, Finding> known = new LinkedHashMap<>();
        Findings.ALL.forEach(finding -> known.put(finding.name(), finding));
        List<Finding> chosen = new ArrayList<>();
        for (String argument : arguments) {
            switch (argument) {
                case "--help", "-h" -> {
                    System.out.println(USAGE);
                    return 0;
                }
                case "--list" -> {
                    known.values().forEach(finding -> System.out.printf(ROW, finding.name(), finding.summary()));
                    System.out.printf(ROW, Findings.OF_CLIENTS, Findings.OF_CLIENTS_SUMMARY);
                    return 0;
                }
                default -> {
                    if (!known.containsKey(argument)) {
                        System.err.println("findings: no finding is called \"" + argument + "\"; --list names them");
                        return 2;
                    }
                    chosen.add(known.get(argument));
                }
            }
        }
        int notShown = 0;
        for (Finding finding : chosen.isEmpty() ? known.values() : chosen) {
            if (!isShown(finding)) {
                notShown += 1;
            }
        }
        return notShown == 0 ? 0 : 1;
    }

    private static boolean isShown(Finding finding) {
        System.out.println(finding.name() + " on Kafka " + System.getProperty("findings.kafka"));
        System.out.println("  " + finding.summary());
        System.out.println("with " + finding.trigger());
        Boolean triggered = shows(finding, true);
        System.out.println("without it");
        Boolean control = shows(finding, false);
        boolean shown = Boolean.TRUE.equals(triggered) && Boolean.FALSE.equals(control);
        System.out.println(shown ? "SHOWN" : "NOT SHOWN");
        System.out.println();
        return shown;
    }

    /** Nothing if the steps could not be taken: neither a run with the trigger nor a control may fail like that. */
    private static Boolean shows(Finding finding, boolean triggered) {
        try (Steps steps = new Steps(System.out)) {
            return finding.shows(steps, triggered);
        } catch (Exception | LinkageError | AssertionError e) {
            ByteArrayOutputStream trace = new ByteArrayOutputStream();
            e.printStackTrace(new PrintStream(trace, true));
            System.out.print("      the steps failed: " + trace);
            return null;
        }
    }
}
