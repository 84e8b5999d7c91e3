package conformance.measure;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** The servers' class path: class-data archives want jars, and the same ones each time. */
final class Jars {
    private Jars() {
    }

    /** A jar of the woven classes and the recorder, and Kafka's jars. */
    static String classPath(Path target) throws IOException {
        Path libs = target.resolve("libs");
        Path woven = target.resolve("woven");
        new Weaver(woven).weave();
        Path recorder = Path.of("conformance", "measure", "recorder");
        try (Stream<Path> files = Files.list(target.resolve("classes").resolve(recorder))) {
            for (Path file : files.toList()) {
                Path copy = woven.resolve(recorder).resolve(file.getFileName());
                Files.createDirectories(copy.getParent());
                Files.write(copy, Files.readAllBytes(file));
            }
        }
        Path jar = libs.resolveSibling("woven.jar");
        jar(woven, jar);
        try (Stream<Path> all = Files.list(libs)) {
            List<String> kafka = all.map(Path::toString).filter(it -> it.endsWith(".jar") && !it.contains("/asm-")).sorted()
                .toList();
            return jar + ":" + String.join(":", kafka);
        }
    }

    /** The file is left alone if it would not change: archives compare its time. */
    private static void jar(Path directory, Path jar) throws IOException {
        Path made = Files.createTempFile(jar.getParent(), "woven", ".jar");
        try (Stream<Path> files = Files.walk(directory); OutputStream out = Files.newOutputStream(made);
             ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().collect(Collectors.toList())) {
                ZipEntry entry = new ZipEntry(directory.relativize(file).toString());
                entry.setLastModifiedTime(FileTime.fromMillis(0));
                zip.putNextEntry(entry);
                zip.write(Files.readAllBytes(file));
                zip.closeEntry();
            }
        }
        if (Files.exists(jar) && Arrays.equals(Files.readAllBytes(jar), Files.readAllBytes(made))) {
            Files.delete(made);
        } else {
            Files.move(made, jar, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
