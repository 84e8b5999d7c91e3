package conformance.cluster;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.time.Instant;

/**
 * Sends signals through a shell that is already running: starting a process for each would take milliseconds between the
 * time that is noted and the signal.
 */
final class Signals implements AutoCloseable {
    private final Process shell;
    private final Writer commands;
    private final BufferedReader answers;

    Signals() throws IOException {
        shell = new ProcessBuilder("sh").redirectError(ProcessBuilder.Redirect.DISCARD).start();
        commands = new OutputStreamWriter(shell.getOutputStream());
        answers = new BufferedReader(new InputStreamReader(shell.getInputStream()));
    }

    /** Sends a signal by its name without SIG, such as KILL; returns the time just before. */
    Instant send(String signal, long pid) throws IOException {
        Instant at = Instant.now();
        commands.write("kill -" + signal + " " + pid + "; echo $?\n");
        commands.flush();
        String answer = answers.readLine();
        if (!"0".equals(answer)) {
            throw new BadInput("process " + pid + " did not get SIG" + signal + ": it has ended by itself");
        }
        return at;
    }

    @Override
    public void close() {
        shell.destroy();
    }
}
