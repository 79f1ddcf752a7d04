#!/usr/bin/env python3
"""Anthropic Messages on loopback: a fixed latency, a prompt cache by breakpoints, a log line a request.
model_server.py PORTFILE LOG LATENCY [findings]"""
import json,sys,time,threading,hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
portfile,log,lat=sys.argv[1],sys.argv[2],float(sys.argv[3])
mode=sys.argv[4] if len(sys.argv)>4 else 'none'
lock=threading.Lock(); cache={}; start=time.time(); active=0; peak=0
def tok(n): return n//4
class H(BaseHTTPRequestHandler):
    protocol_version='HTTP/1.1'
    def log_message(self,*a): pass
    def do_POST(self):
        global active,peak
        t0=time.time()-start
        body=json.loads(self.rfile.read(int(self.headers['content-length'])))
        with lock: active+=1; peak=max(peak,active)
        # the prompt in cache order, cut at breakpoints
        segs=[]; cur=hashlib.sha256(); n=0; marks=[]
        def add(o):
            nonlocal n
            c=o.pop('cache_control',None) if isinstance(o,dict) else None
            s=json.dumps(o,sort_keys=True); cur.update(s.encode()); n+=len(s)
            if c: marks.append((cur.hexdigest(),n))
        for t in body.get('tools',[]): add(t)
        for b in body['system']: add(b)
        for m in body['messages']:
            for c in (m['content'] if isinstance(m['content'],list) else [{'text':m['content']}]): add(c)
        with lock:
            read=max([k for h,k in marks if h in cache and cache[h]<=time.time() and cache[h]>time.time()-300],default=0)
        last=marks[-1][1] if marks else 0
        time.sleep(lat)
        with lock:
            for h,k in marks: cache.setdefault(h,time.time())
            for h,k in marks:
                # Reading renews it; a time in the future would not be there yet.
                cache[h]=time.time()
        text=body['messages'][-1]['content']; task=text[-1].get('text','') if isinstance(text,list) else ''
        kind='judge' if 'judge_finding`, once' in task else ('first' if 'Look for behaviour' in task else 'lens')
        if kind=='judge': name,inp='judge_finding',{"reason":"Line 1.","verdict":"holds","probability":0.8}
        else:
            name,inp='report_findings',{"summary":"A part.","findings":[]}
            if mode=='findings' and kind=='first':
                part=body['messages'][0]['content'][0]['text']
                path=None; out=[]
                for line in part.split('\n'):
                    if line.startswith('=== '): path=line[4:].rsplit(' (',1)[0]
                    i=line.find('|+')
                    if i>0 and path and len(line[i+2:].strip())>25 and line[:i].strip().isdigit():
                        out.append({"path":path,"line":int(line[:i]),"quote":line[i+2:],"severity":"medium","category":"correctness","confidence":0.8,"title":"Something goes wrong here in part "+hashlib.sha1(line.encode()).hexdigest()[:6],"body":"Because "+hashlib.sha1(line.encode()).hexdigest(),"fails_when":"Always."})
                        if len(out)>=2: break
                inp["findings"]=out
        out=tok(len(json.dumps(inp)))+200
        usage={"input_tokens":tok(n)-tok(max(last,read)),"cache_creation_input_tokens":max(0,tok(last)-tok(read)),"cache_read_input_tokens":tok(read),"output_tokens":out}
        msg={"id":"msg_1","type":"message","role":"assistant","model":body['model'],"content":[{"type":"tool_use","id":"toolu_%d"%time.time_ns(),"name":name,"input":inp}],"stop_reason":"tool_use","stop_sequence":None,"usage":usage}
        ev=[("message_start",{"type":"message_start","message":{**msg,"content":[],"stop_reason":None}}),
            ("content_block_start",{"type":"content_block_start","index":0,"content_block":{**msg["content"][0],"input":{}}}),
            ("content_block_delta",{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":json.dumps(inp)}}),
            ("content_block_stop",{"type":"content_block_stop","index":0}),
            ("message_delta",{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":None},"usage":{"output_tokens":out}}),
            ("message_stop",{"type":"message_stop"})]
        data=''.join(f'event: {a}\ndata: {json.dumps(b)}\n\n' for a,b in ev).encode()
        self.send_response(200); self.send_header('content-type','text/event-stream'); self.send_header('content-length',str(len(data))); self.end_headers()
        try: self.wfile.write(data)
        except BrokenPipeError: pass  # the client's time was up
        with lock:
            active-=1
            open(log,'a').write(json.dumps({"t0":t0,"t1":time.time()-start,"kind":kind,"in":tok(n),"read":tok(read),"model":body['model'],"peak":peak})+'\n')
s=ThreadingHTTPServer(('127.0.0.1',0),H); s.request_queue_size=512; s.daemon_threads=True
open(portfile,'w').write(str(s.server_address[1])); s.serve_forever()
