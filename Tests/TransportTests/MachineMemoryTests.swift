import Testing
import Transport

struct MachineMemoryTests {
    @Test("the limits of all control groups on the way count, and those of a container")
    func limits() {
        let files = [
            "/sys/fs/cgroup/system.slice/memory.max": "max\n",
            "/sys/fs/cgroup/system.slice/anb.service/memory.max": "2147483648\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        ]
        let found = MachineMemory.limits(groups: "1:name=x:/y\n0::/system.slice/anb.service\n") { files[$0] }
        #expect(found.min() == 2_147_483_648)
        #expect(MachineMemory.limits(groups: "") { _ in nil }.isEmpty)
    }
}
