package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.StreamSupport;

/** A whole log directory: each file of batches, the state files and the image. */
final class DirectoryComparison {
    private final Report report;
    private final Path directory;
    private final JsonNode json;

    DirectoryComparison(Report report, Path directory, JsonNode json) {
        this.report = report;
        this.directory = directory;
        this.json = json;
    }

    void compare() throws IOException {
        BatchComparison batches = new BatchComparison(report, directory, json);
        for (JsonNode snapshot : json.get("snapshots")) {
            batches.compare(snapshot, true);
        }
        for (JsonNode partition : json.get("partitions")) {
            boolean isMetadata = partition.get("directory").asText().equals("__cluster_metadata-0");
            for (JsonNode segment : partition.get("segments")) {
                batches.compare(segment, isMetadata);
            }
            if (isMetadata) {
                image(partition.get("segments"));
            }
        }
        new StateFiles(report, directory, json).compare();
    }

    /** As far as the log can be read; one that is damaged before its end has no image to compare. */
    private void image(JsonNode segments) throws IOException {
        List<File> files = new ArrayList<>();
        Long end = null;
        for (JsonNode segment : segments) {
            if (end != null) {
                report.note("images not compared: the log is damaged before its end", 1);
                return;
            }
            String name = segment.get("file").asText();
            files.add(directory.resolve(name).toFile());
            for (JsonNode damage : json.get("damage")) {
                if (end == null && damage.get("file").asText().equals(name)) {
                    end = damage.get("position").asLong();
                }
            }
            for (JsonNode batch : segment.get("batches")) {
                if (end != null && batch.get("position").asLong() >= end) {
                    report.note("images not compared: the log is damaged before its end", 1);
                    return;
                }
            }
        }
        long from = segments.size() == 0 ? -1 : segments.get(0).path("batches").path(0).path("base_offset").asLong(0);
        if (from < 0) {
            report.note("images not compared: the log is empty", 1);
            return;
        }
        if (!json.get("image").get("features").has("metadata.version")) {
            // FeaturesImage.metadataVersionOrThrow: of scenarios without a controller's records.
            report.note("images not compared: no metadata.version", 1);
            return;
        }
        ObjectNode kafka;
        try {
            JsonNode newest = null;
            for (JsonNode snapshot : json.get("snapshots")) {
                newest = end(snapshot) > 0 && (newest == null || end(snapshot) > end(newest)) ? snapshot : newest;
            }
            File snapshot = newest == null ? null : directory.resolve(newest.get("file").asText()).toFile();
            boolean isTrimmed = from > 0;
            report.note(isTrimmed ? "images of trimmed logs, which both read from the snapshot and the log"
                : "images that the simulator reads from a snapshot and the log", newest == null ? 0 : 1);
            kafka = new Image().load(files, end, snapshot, newest == null ? 0 : end(newest), isTrimmed);
        } catch (RuntimeException e) {
            report.judge("image digests (MetadataLoader)", "image.unreadable", false, directory.toString(), e::toString);
            return;
        }
        if (kafka == null) {
            report.note("images not compared: no metadata record", 1);
            return;
        }
        ObjectNode model = json.get("image").deepCopy();
        for (String part : List.of("features", "brokers", "controllers", "topics", "configs", "next_producer_id")) {
            report.same("parts of images (MetadataLoader)", directory + ": " + part, plain(kafka.get(part)),
                plain(model.get(part)));
        }
        report.same("image digests (MetadataLoader)", directory.toString(), kafka.get("digest"), model.get("digest"));
    }

    /** The end offset in the name of a snapshot; 0 of {@code bootstrap.checkpoint}. */
    private static long end(JsonNode snapshot) {
        String name = snapshot.get("file").asText().replaceAll(".*/", "");
        return name.matches("\\d{20}-\\d{10}\\.checkpoint") ? Long.parseLong(name.substring(0, 20)) : 0;
    }

    /** The text of a value: numbers of all kinds alike. */
    private static String plain(JsonNode node) throws IOException {
        return sorted(Kraftsim.JSON.readTree(node.toString())).toString();
    }

    /** Lists of objects have no order of their own. */
    private static JsonNode sorted(JsonNode node) {
        if (node.isObject()) {
            TreeMap<String, JsonNode> fields = new TreeMap<>();
            node.properties().forEach(field -> fields.put(field.getKey(), sorted(field.getValue())));
            ObjectNode copy = Kraftsim.JSON.createObjectNode();
            fields.forEach(copy::set);
            return copy;
        }
        if (node.isArray() && node.size() > 0 && node.get(0).isObject()) {
            ArrayNode copy = Kraftsim.JSON.createArrayNode();
            StreamSupport.stream(node.spliterator(), false).map(DirectoryComparison::sorted)
                .sorted(Comparator.comparing(JsonNode::toString)).forEach(copy::add);
            return copy;
        }
        return node;
    }
}
