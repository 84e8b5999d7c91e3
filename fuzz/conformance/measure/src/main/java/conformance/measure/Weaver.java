package conformance.measure;

import conformance.measure.recorder.Kind;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Writes woven copies of Kafka's classes into a directory that comes before the jars on the servers' class path. An agent would
 * do the same while the server runs, but its hook makes the loading of every class slower, which is a part of what is measured.
 */
final class Weaver {
    private static final String RECORDER = "conformance/measure/recorder/Recorder";
    private static final Set<String> FORCES = Set.of("java/nio/channels/FileChannel.force", "java/io/FileDescriptor.sync",
        "java/nio/MappedByteBuffer.force");

    private final Path directory;

    Weaver(Path directory) {
        this.directory = directory;
    }

    void weave() throws IOException {
        Map<String, List<Probe>> probes = new LinkedHashMap<>();
        Probe.all().forEach(it -> probes.computeIfAbsent(it.type(), type -> new ArrayList<>()).add(it));
        Probe.FORCING.forEach(type -> probes.computeIfAbsent(type, it -> new ArrayList<>()));
        for (Map.Entry<String, List<Probe>> entry : probes.entrySet()) {
            try (InputStream in = ClassLoader.getSystemResourceAsStream(entry.getKey() + ".class")) {
                if (in == null) {
                    throw new BadInput("this Kafka has no class " + entry.getKey().replace('/', '.'));
                }
                byte[] woven = weave(in.readAllBytes(), entry.getKey(), entry.getValue());
                Path file = directory.resolve(entry.getKey() + ".class");
                Files.createDirectories(file.getParent());
                Files.write(file, woven);
            }
        }
    }

    static byte[] weave(byte[] original, String type, List<Probe> probes) {
        ClassReader reader = new ClassReader(original);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        Set<Probe> left = new TreeSet<>((a, b) -> Integer.compare(System.identityHashCode(a), System.identityHashCode(b)));
        left.addAll(probes);
        boolean isForcing = Probe.FORCING.contains(type);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
                MethodVisitor method = super.visitMethod(access, name, descriptor, signature, exceptions);
                if ((access & Opcodes.ACC_ABSTRACT) != 0) {
                    return method;
                }
                if (isForcing) {
                    method = new Forces(method, type, name);
                }
                for (Probe probe : probes) {
                    if (probe.matches(name, descriptor) && (access & Opcodes.ACC_BRIDGE) == 0) {
                        left.remove(probe);
                        method = new Woven(method, probe, access, descriptor);
                    }
                }
                return method;
            }
        }, 0);
        if (!left.isEmpty()) {
            Probe probe = left.iterator().next();
            throw new BadInput("this Kafka has no method " + probe.type().replace('/', '.') + "." + probe.method());
        }
        return writer.toByteArray();
    }

    /** Adds the calls at entry and exits. A span that an exception ends is closed by the next end of an outer one. */
    private static final class Woven extends MethodVisitor {
        private final Probe probe;
        private final Type[] arguments;
        private final boolean isStatic;

        Woven(MethodVisitor next, Probe probe, int access, String descriptor) {
            super(Opcodes.ASM9, next);
            this.probe = probe;
            this.arguments = Type.getArgumentTypes(descriptor);
            this.isStatic = (access & Opcodes.ACC_STATIC) != 0;
        }

        @Override
        public void visitCode() {
            super.visitCode();
            if (probe.entry().isEmpty()) {
                return;
            }
            StringBuilder types = new StringBuilder("(");
            String[] words = probe.loads().isEmpty() ? new String[0] : probe.loads().split(" ");
            for (int i = 0; i < words.length; i += 2) {
                super.visitVarInsn(Opcodes.ALOAD, slot(Integer.parseInt(words[i])));
                if (i + 2 < words.length && words[i + 2].contains(".")) {
                    int dot = words[i + 2].lastIndexOf('.');
                    super.visitFieldInsn(Opcodes.GETFIELD, words[i + 2].substring(0, dot), words[i + 2].substring(dot + 1),
                        words[i + 1]);
                    types.append(words[i + 1]);
                    i++;
                } else {
                    types.append(words[i + 1]);
                }
            }
            super.visitIntInsn(Opcodes.SIPUSH, probe.kind());
            super.visitMethodInsn(Opcodes.INVOKESTATIC, RECORDER, probe.entry(), types + "I)V", false);
        }

        /** Argument 0 is this. */
        private int slot(int argument) {
            int slot = isStatic ? -1 : 0;
            for (int i = 0; i < argument; i++) {
                slot += i == 0 ? 1 : arguments[i - 1].getSize();
            }
            return slot;
        }

        @Override
        public void visitInsn(int opcode) {
            boolean isExit = opcode >= Opcodes.IRETURN && opcode <= Opcodes.RETURN || opcode == Opcodes.ATHROW;
            if (isExit && probe.exit().equals("end")) {
                super.visitIntInsn(Opcodes.SIPUSH, probe.kind());
                super.visitMethodInsn(Opcodes.INVOKESTATIC, RECORDER, "end", "(I)V", false);
            } else if (opcode == Opcodes.ARETURN && !probe.exit().isEmpty()) {
                String result = "Lorg/apache/kafka/common/network/NetworkSend;";
                super.visitIntInsn(Opcodes.SIPUSH, probe.kind());
                super.visitMethodInsn(Opcodes.INVOKESTATIC, RECORDER, probe.exit(), "(" + result + "I)" + result, false);
            }
            super.visitInsn(opcode);
        }
    }

    /** Makes a span of each call that forces something to disk; its name is the class with the method. */
    private static final class Forces extends MethodVisitor {
        private final String name;

        Forces(MethodVisitor next, String type, String in) {
            super(Opcodes.ASM9, next);
            this.name = type.substring(type.lastIndexOf('/') + 1) + "." + in;
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String method, String descriptor, boolean isInterface) {
            boolean isForce = FORCES.contains(owner + "." + method);
            if (isForce) {
                super.visitLdcInsn(name);
                super.visitIntInsn(Opcodes.SIPUSH, Kind.FSYNC);
                super.visitMethodInsn(Opcodes.INVOKESTATIC, RECORDER, "begin", "(Ljava/lang/String;I)V", false);
            }
            super.visitMethodInsn(opcode, owner, method, descriptor, isInterface);
            if (isForce) {
                super.visitIntInsn(Opcodes.SIPUSH, Kind.FSYNC);
                super.visitMethodInsn(Opcodes.INVOKESTATIC, RECORDER, "end", "(I)V", false);
            }
        }
    }
}
