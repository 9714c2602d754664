using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace Updraft.Analyzers;

/// <summary>
/// Looks at calls of the API. Only what can be seen at the call and in the declarations it names is reported: a warning is always right.
/// What the types forbid (spans in <c>NpuStream.Copy</c>, copies from host to host) is not looked at again.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class CallAnalyzer : DiagnosticAnalyzer
{
    /// <summary>ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE takes the data along, whatever memory it is.</summary>
    private const int Buffered = 5;

    /// <summary>What it may report.</summary>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rules.ManagedMemory, Rules.DroppedAwaitable, Rules.PageableMemory];

    /// <summary>Nothing is looked at in projects that do not use the API.</summary>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterCompilationStartAction(static start =>
        {
            if (start.Compilation.GetTypeByMetadataName("Updraft.NpuStream") is not { } stream)
            {
                return;
            }
            INamedTypeSymbol? batch = start.Compilation.GetTypeByMetadataName("Updraft.CopyBatch"), api = start.Compilation.GetTypeByMetadataName("Updraft.Interop.AclApi");
            start.RegisterOperationAction(operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                INamedTypeSymbol type = call.TargetMethod.ContainingType;
                if (Is(type, stream) && call.TargetMethod.Name is "Copy" or "Copy2D" || Is(type, batch) && call.TargetMethod.Name == "Add")
                {
                    CheckManaged(operation, call);
                }
                else if (Is(type, api) && call.TargetMethod.Name is "aclrtMemcpyAsync" or "aclrtMemcpyAsyncWithCondition" or "aclrtMemcpy2dAsync")
                {
                    CheckPageable(operation, call);
                }
            }, OperationKind.Invocation);
            start.RegisterOperationAction(operation => CheckDropped(operation, stream.ContainingAssembly), OperationKind.ExpressionStatement);
        });
    }

    private static bool Is(INamedTypeSymbol type, INamedTypeSymbol? other) => SymbolEqualityComparer.Default.Equals(type, other);

    private static void CheckManaged(OperationAnalysisContext context, IInvocationOperation call)
    {
        foreach (IArgumentOperation argument in call.Arguments)
        {
            if (IsMemory(argument.Parameter?.Type) && IsManaged(argument.Value))
            {
                context.ReportDiagnostic(Diagnostic.Create(Rules.ManagedMemory, argument.Syntax.GetLocation(), $"{call.TargetMethod.ContainingType.Name}.{call.TargetMethod.Name}"));
            }
        }
    }

    private static bool IsMemory(ITypeSymbol? type) => type is INamedTypeSymbol { Name: "Memory" or "ReadOnlyMemory", Arity: 1 } named && named.ContainingNamespace.ToDisplayString() == "System";

    /// <summary>True when the memory comes from an array for certain.</summary>
    private static bool IsManaged(IOperation value) => value switch
    {
        IConversionOperation { Operand: { Type: { } type } operand } => IsArray(type) || IsMemory(type) && IsManaged(operand),
        IInvocationOperation { TargetMethod: { Name: "AsMemory", ContainingType.Name: "MemoryExtensions" } } call => IsArray(First(call.Arguments)?.Type),
        IInvocationOperation { TargetMethod.Name: "Slice", Instance: { } whole } when IsMemory(whole.Type) => IsManaged(whole),
        IImplicitIndexerReferenceOperation { Instance: { } whole } when IsMemory(whole.Type) => IsManaged(whole),
        IObjectCreationOperation creation when IsMemory(creation.Type) => IsArray(First(creation.Arguments)?.Type),
        ILocalReferenceOperation reference => InitialValue(reference) is { } initial && (IsArray(initial.Type) || IsManaged(initial)),
        _ => false,
    };

    private static bool IsArray(ITypeSymbol? type) => type is IArrayTypeSymbol || type is INamedTypeSymbol { Name: "ArraySegment", Arity: 1 };

    private static IOperation? First(ImmutableArray<IArgumentOperation> arguments) => arguments.IsEmpty ? null : WithoutConversions(arguments[0].Value);

    private static IOperation WithoutConversions(IOperation value) => value is IConversionOperation { OperatorMethod: null } conversion ? WithoutConversions(conversion.Operand) : value;

    private static void CheckDropped(OperationAnalysisContext context, IAssemblySymbol assembly)
    {
        if (((IExpressionStatementOperation)context.Operation).Operation is IInvocationOperation { TargetMethod: { ReturnType: INamedTypeSymbol { Name: "ValueTask" } } method } call
            && SymbolEqualityComparer.Default.Equals(method.ContainingAssembly, assembly) && !IsInAsyncFunction(call.Syntax))
        {
            context.ReportDiagnostic(Diagnostic.Create(Rules.DroppedAwaitable, call.Syntax.GetLocation(), $"{method.ContainingType.Name}.{method.Name}"));
        }
    }

    /// <summary>There the compiler says it itself (CS4014).</summary>
    private static bool IsInAsyncFunction(SyntaxNode node)
    {
        foreach (SyntaxNode each in node.Ancestors())
        {
            switch (each)
            {
                case AnonymousFunctionExpressionSyntax function:
                    return function.AsyncKeyword.IsKind(SyntaxKind.AsyncKeyword);
                case LocalFunctionStatementSyntax function:
                    return function.Modifiers.Any(SyntaxKind.AsyncKeyword);
                case MethodDeclarationSyntax method:
                    return method.Modifiers.Any(SyntaxKind.AsyncKeyword);
                case CompilationUnitSyntax unit:
                    // Top-level statements are asynchronous when one of them awaits.
                    return unit.Members.OfType<GlobalStatementSyntax>().Any(statement => statement.DescendantNodes(inner => inner is not (AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax)).Any(IsAwait));
            }
        }
        return false;
    }

    private static bool IsAwait(SyntaxNode node) => node switch
    {
        AwaitExpressionSyntax => true,
        LocalDeclarationStatementSyntax declaration => declaration.AwaitKeyword.IsKind(SyntaxKind.AwaitKeyword),
        CommonForEachStatementSyntax loop => loop.AwaitKeyword.IsKind(SyntaxKind.AwaitKeyword),
        UsingStatementSyntax statement => statement.AwaitKeyword.IsKind(SyntaxKind.AwaitKeyword),
        _ => false,
    };

    private static void CheckPageable(OperationAnalysisContext context, IInvocationOperation call)
    {
        if (call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == "kind")?.Value.ConstantValue is { HasValue: true, Value: Buffered })
        {
            return;
        }
        foreach (IArgumentOperation argument in call.Arguments)
        {
            if (argument.Parameter?.Type is IPointerTypeSymbol && WhatIsPageable(argument.Value) is { } what)
            {
                context.ReportDiagnostic(Diagnostic.Create(Rules.PageableMemory, argument.Syntax.GetLocation(), call.TargetMethod.Name, what));
            }
        }
    }

    /// <summary>What the pointer points to, when it is for certain no memory of AscendCL.</summary>
    private static string? WhatIsPageable(IOperation value) => value switch
    {
        IConversionOperation conversion => WhatIsPageable(conversion.Operand),
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Add or BinaryOperatorKind.Subtract } sum => WhatIsPageable(sum.LeftOperand) ?? WhatIsPageable(sum.RightOperand),
        IAddressOfOperation { Reference: ILocalReferenceOperation { Local.RefKind: RefKind.None } or IParameterReferenceOperation { Parameter.RefKind: RefKind.None } } => "a variable",
        IAddressOfOperation { Reference: IArrayElementReferenceOperation } => "an array",
        ILocalReferenceOperation { Local.Type: IPointerTypeSymbol } reference => InitialValue(reference) is { } initial ? WhatIsPageable(initial) : null,
        { Syntax: StackAllocArrayCreationExpressionSyntax or ImplicitStackAllocArrayCreationExpressionSyntax } => "memory of stackalloc",
        { Type: IArrayTypeSymbol } => "an array",
        _ => null,
    };

    /// <summary>What a local was declared with, if it keeps that.</summary>
    private static IOperation? InitialValue(ILocalReferenceOperation reference)
    {
        SyntaxNode? declaration = reference.Local.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax();
        return reference.SemanticModel is { } model && declaration is VariableDeclaratorSyntax { Initializer.Value: { } initializer } && !IsChanged(reference.Local, declaration, model)
            ? model.GetOperation(initializer) : null;
    }

    private static bool IsChanged(ILocalSymbol local, SyntaxNode declarator, SemanticModel model)
    {
        SyntaxNode scope = declarator.Ancestors().FirstOrDefault(node => node is MemberDeclarationSyntax and not GlobalStatementSyntax) ?? declarator.SyntaxTree.GetRoot();
        return scope.DescendantNodes().Any(node => Target(node) is { } target && target.ToString() == local.Name && SymbolEqualityComparer.Default.Equals(model.GetSymbolInfo(target).Symbol, local));
    }

    /// <summary>What the node assigns to, or hands out for others to assign to.</summary>
    private static ExpressionSyntax? Target(SyntaxNode node) => node switch
    {
        AssignmentExpressionSyntax assignment => assignment.Left,
        ArgumentSyntax argument when !argument.RefKindKeyword.IsKind(SyntaxKind.None) => argument.Expression,
        RefExpressionSyntax reference => reference.Expression,
        PrefixUnaryExpressionSyntax prefix when prefix.Kind() is SyntaxKind.PreIncrementExpression or SyntaxKind.PreDecrementExpression or SyntaxKind.AddressOfExpression => prefix.Operand,
        PostfixUnaryExpressionSyntax postfix => postfix.Operand,
        _ => null,
    };
}
