(function(){"use strict";
function put(box,text){var found=new DOMParser().parseFromString(text,"text/html").body;box.replaceChildren.apply(box,Array.prototype.slice.call(found.childNodes));}
document.querySelectorAll("[data-live]").forEach(function(box){
var every=Number(box.getAttribute("data-every"))||2000;
function again(){fetch(box.getAttribute("data-live"),{credentials:"same-origin"}).then(function(answer){if(answer.ok)return answer.text().then(function(text){put(box,text);});}).catch(function(){}).then(function(){setTimeout(again,every);});}
setTimeout(again,every);});
if(window.parent!==window)document.addEventListener("click",function(event){
var link=event.target.closest?event.target.closest("a[target=_top]"):null;
if(!link||event.ctrlKey||event.metaKey||event.shiftKey||event.button||link.origin!==location.origin)return;
try{window.parent.history.pushState(null,"",link.href);window.parent.dispatchEvent(new window.parent.PopStateEvent("popstate",{state:null}));event.preventDefault();}catch(error){}});
var editor=document.querySelector("form[data-lint]");
if(editor){
var box=document.getElementById("problems"),timer=null,number=0;
editor.elements.text.addEventListener("input",function(){clearTimeout(timer);timer=setTimeout(function(){
var mine=++number;
fetch(editor.getAttribute("data-lint"),{method:"POST",credentials:"same-origin",body:new URLSearchParams(new FormData(editor))}).then(function(answer){if(answer.ok)return answer.text().then(function(text){if(mine===number)put(box,text);});}).catch(function(){});},300);});}
})();
