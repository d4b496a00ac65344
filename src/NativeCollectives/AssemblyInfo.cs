using System.Runtime.CompilerServices;

// Every signature of the bindings is blittable: calls need no marshalling stub.
[assembly: DisableRuntimeMarshalling]
