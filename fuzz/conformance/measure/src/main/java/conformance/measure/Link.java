package conformance.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The loopback link between two processes: half of the round trip of 64 bytes on an open connection with plain sockets. */
final class Link {
    private static final int WARM_UP = 3_000;
    private static final int TRIPS = 10_000;
    private static final int BYTES = 64;
    private static final String FILE = "link.txt";

    private Link() {
    }

    /** The other process: gives back what it gets. */
    public static void main(String[] arguments) throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            System.out.println(server.getLocalPort());
            try (Socket socket = server.accept()) {
                socket.setTcpNoDelay(true);
                InputStream in = socket.getInputStream();
                OutputStream out = socket.getOutputStream();
                byte[] message = new byte[BYTES];
                while (in.readNBytes(message, 0, BYTES) == BYTES) {
                    out.write(message);
                }
            }
        }
    }

    /** Measures, and writes the sorted samples into a directory. */
    static void measure(Path events) throws IOException {
        Files.write(events.resolve(FILE), Arrays.stream(measure()).mapToObj(Long::toString).toList());
    }

    static long[] read(Path events) throws IOException {
        return Files.readAllLines(events.resolve(FILE)).stream().mapToLong(Long::parseLong).toArray();
    }

    private static long[] measure() throws IOException {
        Process echo = new ProcessBuilder(List.of(Main.java(), "-XX:+UseSerialGC", "-Xmx64m", "-cp",
            System.getProperty("java.class.path"), Link.class.getName())).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            int port = Integer.parseInt(new BufferedReader(new InputStreamReader(echo.getInputStream())).readLine());
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setTcpNoDelay(true);
                InputStream in = socket.getInputStream();
                OutputStream out = socket.getOutputStream();
                byte[] message = new byte[BYTES];
                long[] nanos = new long[TRIPS];
                for (int i = -WARM_UP; i < TRIPS; i++) {
                    long begin = System.nanoTime();
                    out.write(message);
                    in.readNBytes(message, 0, BYTES);
                    if (i >= 0) {
                        nanos[i] = (System.nanoTime() - begin) / 2;
                    }
                }
                Arrays.sort(nanos);
                return nanos;
            }
        } finally {
            echo.destroyForcibly();
        }
    }
}
