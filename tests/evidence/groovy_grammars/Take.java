// Prints, as JSON, what Groovy's own parser says of each text: its method calls, or why it refuses the text.
import groovy.json.JsonOutput;
import groovy.json.JsonSlurper;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.CodeVisitorSupport;
import org.codehaus.groovy.ast.MethodNode;
import org.codehaus.groovy.ast.ModuleNode;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;
import org.codehaus.groovy.control.CompilationUnit;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.ErrorCollector;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.codehaus.groovy.control.Phases;
import org.codehaus.groovy.control.messages.Message;
import org.codehaus.groovy.control.messages.SyntaxErrorMessage;

public class Take {
    static class Calls extends CodeVisitorSupport {
        final List<Object> found = new ArrayList<>();

        @Override
        public void visitMethodCallExpression(MethodCallExpression call) {
            ASTNode named = call.getMethod().getLineNumber() > 0 ? call.getMethod() : call;
            String name = call.getMethod() instanceof ConstantExpression ? call.getMethodAsString() : "call";
            found.add(List.of(name, named.getLineNumber(), named.getColumnNumber()));
            super.visitMethodCallExpression(call);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> answers = new LinkedHashMap<>();
        Map<?, ?> texts = (Map<?, ?>) new JsonSlurper().parse(new File(arguments[0]));
        for (Map.Entry<?, ?> one : texts.entrySet()) {
            answers.put((String) one.getKey(), taken((String) one.getValue()));
        }
        System.out.print(JsonOutput.toJson(answers));
    }

    static Map<String, Object> taken(String text) {
        try {
            CompilationUnit unit = new CompilationUnit(new CompilerConfiguration());
            unit.addSource("Script1.groovy", text);
            unit.compile(Phases.CONVERSION);
            Calls calls = new Calls();
            for (ModuleNode module : unit.getAST().getModules()) {
                module.getStatementBlock().visit(calls);
                for (MethodNode method : module.getMethods()) {
                    if (method.getCode() != null) {
                        method.getCode().visit(calls);
                    }
                }
            }
            return Map.of("calls", calls.found);
        } catch (MultipleCompilationErrorsException error) {
            return Map.of("error", first(error.getErrorCollector()));
        } catch (Exception | StackOverflowError error) {
            return Map.of("error", String.valueOf(error));
        }
    }

    static String first(ErrorCollector errors) {
        Message message = (Message) errors.getErrors().get(0);
        if (message instanceof SyntaxErrorMessage) {
            var cause = ((SyntaxErrorMessage) message).getCause();
            return cause.getLine() + ":" + cause.getStartColumn() + ": " + cause.getOriginalMessage();
        }
        return String.valueOf(message);
    }
}
